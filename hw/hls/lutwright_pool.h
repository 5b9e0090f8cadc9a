// Pools: the largest or the sum of a window, each channel by itself. Padding never wins, and counts as 0: the
// configuration's `pad` is the lowest input for max_pool and 0 for sum_pool.
//
// io_parallel: a frame, io_stream: a pixel, every reuse_factor clocks.
#ifndef LUTWRIGHT_POOL_H_
#define LUTWRIGHT_POOL_H_

#include "lutwright_window.h"

namespace lutwright {

template <class data_T, typename CONFIG_T>
data_T max_word(data_T window[CONFIG_T::taps * CONFIG_T::channels], unsigned channel) {
    #pragma HLS INLINE
    data_T most = window[channel];
    for (unsigned tap = 1; tap < CONFIG_T::taps; tap++) {
        #pragma HLS UNROLL
        data_T x = window[tap * CONFIG_T::channels + channel];
        if (x > most) {
            most = x;
        }
    }
    return most;
}

template <class data_T, typename CONFIG_T>
typename CONFIG_T::sum_t sum_word(data_T window[CONFIG_T::taps * CONFIG_T::channels], unsigned channel) {
    #pragma HLS INLINE
    typename CONFIG_T::sum_t sum = 0;
    for (unsigned tap = 0; tap < CONFIG_T::taps; tap++) {
        #pragma HLS UNROLL
        sum += window[tap * CONFIG_T::channels + channel];
    }
    return sum;
}

template <class data_T, class res_T, typename CONFIG_T>
void max_pool(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::channels],
             res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::outputs]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (unsigned row = 0; row < CONFIG_T::out_height; row++) {
        #pragma HLS UNROLL
        for (unsigned column = 0; column < CONFIG_T::out_width; column++) {
            #pragma HLS UNROLL
            data_T window[CONFIG_T::taps * CONFIG_T::channels];
            #pragma HLS ARRAY_PARTITION variable=window complete
            take_window<data_T, CONFIG_T>(data, row, column, window);
            for (unsigned output = 0; output < CONFIG_T::outputs; output++) {
                #pragma HLS UNROLL
                res[(row * CONFIG_T::out_width + column) * CONFIG_T::outputs + output] =
                    max_word<data_T, CONFIG_T>(window, output);
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void max_pool(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typename data_T::value_type lines[CONFIG_T::lines][CONFIG_T::columns][CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=1
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=3
    typename data_T::value_type window[CONFIG_T::taps * CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=window complete
MaxPool:
    for (unsigned row = 0; row < CONFIG_T::rows; row++) {
        for (unsigned column = 0; column < CONFIG_T::columns; column++) {
            #pragma HLS LOOP_FLATTEN
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            slide_window<data_T, CONFIG_T>(data, row, column, lines, window);
            if (is_window<CONFIG_T>(row, column)) {
                res_T out;
                PRAGMA_DATA_PACK(out)
                for (unsigned output = 0; output < CONFIG_T::outputs; output++) {
                    #pragma HLS UNROLL
                    out[output] = max_word<typename data_T::value_type, CONFIG_T>(window, output);
                }
                res.write(out);
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void sum_pool(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::channels],
             res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::outputs]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (unsigned row = 0; row < CONFIG_T::out_height; row++) {
        #pragma HLS UNROLL
        for (unsigned column = 0; column < CONFIG_T::out_width; column++) {
            #pragma HLS UNROLL
            data_T window[CONFIG_T::taps * CONFIG_T::channels];
            #pragma HLS ARRAY_PARTITION variable=window complete
            take_window<data_T, CONFIG_T>(data, row, column, window);
            for (unsigned output = 0; output < CONFIG_T::outputs; output++) {
                #pragma HLS UNROLL
                res[(row * CONFIG_T::out_width + column) * CONFIG_T::outputs + output] =
                    sum_word<data_T, CONFIG_T>(window, output);
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void sum_pool(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typename data_T::value_type lines[CONFIG_T::lines][CONFIG_T::columns][CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=1
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=3
    typename data_T::value_type window[CONFIG_T::taps * CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=window complete
SumPool:
    for (unsigned row = 0; row < CONFIG_T::rows; row++) {
        for (unsigned column = 0; column < CONFIG_T::columns; column++) {
            #pragma HLS LOOP_FLATTEN
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            slide_window<data_T, CONFIG_T>(data, row, column, lines, window);
            if (is_window<CONFIG_T>(row, column)) {
                res_T out;
                PRAGMA_DATA_PACK(out)
                for (unsigned output = 0; output < CONFIG_T::outputs; output++) {
                    #pragma HLS UNROLL
                    out[output] = sum_word<typename data_T::value_type, CONFIG_T>(window, output);
                }
                res.write(out);
            }
        }
    }
}

} // namespace lutwright

#endif
