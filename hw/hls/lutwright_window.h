// Windows over an image of in_height x in_width pixels of channels words, pixel by pixel, channels fastest.
//
// A window has kernel_height x kernel_width taps of channels words, tap by tap, rows first. Window (r, c) of
// out_height x out_width begins at row r * stride_height - pad_top and column c * stride_width - pad_left; what lies off
// the image is `pad`. rows x columns is the image with as much of the padding as is needed.
#ifndef LUTWRIGHT_WINDOW_H_
#define LUTWRIGHT_WINDOW_H_

#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace lutwright {

// io_parallel: window (row, column) of the image `data`.
template <class data_T, typename CONFIG_T>
void take_window(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::channels], unsigned row, unsigned column,
                 data_T window[CONFIG_T::taps * CONFIG_T::channels]) {
    #pragma HLS INLINE
    for (unsigned tap = 0; tap < CONFIG_T::taps; tap++) {
        #pragma HLS UNROLL
        int r = (int)(row * CONFIG_T::stride_height + tap / CONFIG_T::kernel_width) - (int)CONFIG_T::pad_top;
        int c = (int)(column * CONFIG_T::stride_width + tap % CONFIG_T::kernel_width) - (int)CONFIG_T::pad_left;
        bool inside = r >= 0 && r < (int)CONFIG_T::in_height && c >= 0 && c < (int)CONFIG_T::in_width;
        for (unsigned channel = 0; channel < CONFIG_T::channels; channel++) {
            #pragma HLS UNROLL
            if (inside) {
                window[tap * CONFIG_T::channels + channel] =
                    data[((unsigned)r * CONFIG_T::in_width + (unsigned)c) * CONFIG_T::channels + channel];
            } else {
                window[tap * CONFIG_T::channels + channel] = CONFIG_T::pad;
            }
        }
    }
}

// io_stream: the pixel at (row, column) of the padded image moves into the window, by way of the line buffer. A pixel of
// the image is read from `data`, padding is not.
template <class data_T, typename CONFIG_T>
void slide_window(hls::stream<data_T> &data, unsigned row, unsigned column,
                  typename data_T::value_type lines[CONFIG_T::lines][CONFIG_T::columns][CONFIG_T::channels],
                  typename data_T::value_type window[CONFIG_T::taps * CONFIG_T::channels]) {
    #pragma HLS INLINE
    static_assert(data_T::size == CONFIG_T::channels, "a beat must be a pixel");
    bool inside = row >= CONFIG_T::pad_top && row < CONFIG_T::pad_top + CONFIG_T::in_height &&
                  column >= CONFIG_T::pad_left && column < CONFIG_T::pad_left + CONFIG_T::in_width;
    data_T in;
    if (inside) {
        in = data.read();
    }
    for (unsigned channel = 0; channel < CONFIG_T::channels; channel++) {
        #pragma HLS UNROLL
        typename data_T::value_type next = CONFIG_T::pad;
        if (inside) {
            next = in[channel];
        }
        // From the lowest row of the window upwards: each line hands on what lay in this column.
        for (unsigned up = 0; up < CONFIG_T::kernel_height; up++) {
            #pragma HLS UNROLL
            unsigned first = (CONFIG_T::kernel_height - 1 - up) * CONFIG_T::kernel_width;
            for (unsigned k = 0; k + 1 < CONFIG_T::kernel_width; k++) {
                #pragma HLS UNROLL
                window[(first + k) * CONFIG_T::channels + channel] = window[(first + k + 1) * CONFIG_T::channels + channel];
            }
            window[(first + CONFIG_T::kernel_width - 1) * CONFIG_T::channels + channel] = next;
            if (up + 1 < CONFIG_T::kernel_height) {
                typename data_T::value_type above = lines[up][column][channel];
                lines[up][column][channel] = next;
                next = above;
            }
        }
    }
}

// io_stream: whether the window that ends at (row, column) of the padded image is one of those wanted.
template <typename CONFIG_T> bool is_window(unsigned row, unsigned column) {
    #pragma HLS INLINE
    if (row + 1 < CONFIG_T::kernel_height || column + 1 < CONFIG_T::kernel_width) {
        return false;
    }
    unsigned r = row + 1 - CONFIG_T::kernel_height, c = column + 1 - CONFIG_T::kernel_width;
    return r % CONFIG_T::stride_height == 0 && r / CONFIG_T::stride_height < CONFIG_T::out_height &&
           c % CONFIG_T::stride_width == 0 && c / CONFIG_T::stride_width < CONFIG_T::out_width;
}

} // namespace lutwright

#endif
