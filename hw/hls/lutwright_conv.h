// Convolution in groups, depthwise and dense among them; any kernel, strides and padding.
//
//   y[o] = bias[o] + sum_k sum_i weight[o][k][i] * window[k][g * depth + i],   g = o / (outputs / groups)
//
// io_parallel: a frame, io_stream: a pixel, every reuse_factor clocks.
#ifndef LUTWRIGHT_CONV_H_
#define LUTWRIGHT_CONV_H_

#include "lutwright_window.h"

namespace lutwright {

template <class data_T, typename CONFIG_T>
typename CONFIG_T::sum_t conv_word(data_T window[CONFIG_T::taps * CONFIG_T::channels], unsigned output,
                                   typename CONFIG_T::weight_t weight[CONFIG_T::outputs * CONFIG_T::taps * CONFIG_T::depth],
                                   typename CONFIG_T::bias_t bias[CONFIG_T::outputs]) {
    #pragma HLS INLINE
    typename CONFIG_T::sum_t sum = bias[output];
    unsigned first = output / (CONFIG_T::outputs / CONFIG_T::groups) * CONFIG_T::depth;
    for (unsigned tap = 0; tap < CONFIG_T::taps; tap++) {
        #pragma HLS UNROLL
        for (unsigned i = 0; i < CONFIG_T::depth; i++) {
            #pragma HLS UNROLL
            sum += window[tap * CONFIG_T::channels + first + i] *
                   weight[(output * CONFIG_T::taps + tap) * CONFIG_T::depth + i];
        }
    }
    return sum;
}

template <class data_T, class res_T, typename CONFIG_T>
void conv(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::channels],
         res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::outputs],
          typename CONFIG_T::weight_t weight[CONFIG_T::outputs * CONFIG_T::taps * CONFIG_T::depth],
          typename CONFIG_T::bias_t bias[CONFIG_T::outputs]) {
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
                    conv_word<data_T, CONFIG_T>(window, output, weight, bias);
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void conv(hls::stream<data_T> &data, hls::stream<res_T> &res,
          typename CONFIG_T::weight_t weight[CONFIG_T::outputs * CONFIG_T::taps * CONFIG_T::depth],
          typename CONFIG_T::bias_t bias[CONFIG_T::outputs]) {
    typename data_T::value_type lines[CONFIG_T::lines][CONFIG_T::columns][CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=1
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=3
    typename data_T::value_type window[CONFIG_T::taps * CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=window complete
Conv:
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
                    out[output] = conv_word<typename data_T::value_type, CONFIG_T>(window, output, weight, bias);
                }
                res.write(out);
            }
        }
    }
}

} // namespace lutwright

#endif
