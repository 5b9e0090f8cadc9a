// Multiplexer convolution: of each kernel, one for each output and input channel, only `kept` weights are left, and a
// multiplexer picks the tap that each of them works on.
//
//   sign:    y[o] = bias[o] + sum_t (negative[o][t] ? ~x : x)         -x = ~x + 1: the ones are part of the bias
//   weight:  y[o] = bias[o] + sum_t weight[o][t] * x
//   x = window[position[o][t]][t / kept],  t = 0 .. channels * kept - 1
//
// With a reuse_factor of 1 the positions are wiring. io_parallel: a frame, io_stream: a pixel, every reuse_factor clocks.
#ifndef LUTWRIGHT_MUX_H_
#define LUTWRIGHT_MUX_H_

#include "lutwright_window.h"

namespace lutwright {

template <class data_T, typename CONFIG_T>
typename CONFIG_T::sum_t mux_sign_word(data_T window[CONFIG_T::taps * CONFIG_T::channels], unsigned output,
                                       typename CONFIG_T::position_t position[CONFIG_T::outputs * CONFIG_T::terms],
                                       typename CONFIG_T::negative_t negative[CONFIG_T::outputs * CONFIG_T::terms],
                                       typename CONFIG_T::bias_t bias[CONFIG_T::outputs]) {
    #pragma HLS INLINE
    typename CONFIG_T::sum_t sum = bias[output];
    for (unsigned term = 0; term < CONFIG_T::terms; term++) {
        #pragma HLS UNROLL
        unsigned place = output * CONFIG_T::terms + term;
        typename CONFIG_T::sum_t x = window[(unsigned)position[place] * CONFIG_T::channels + term / CONFIG_T::kept];
        if (negative[place]) {
            x = ~x;
        }
        sum += x;
    }
    return sum;
}

template <class data_T, typename CONFIG_T>
typename CONFIG_T::sum_t mux_weight_word(data_T window[CONFIG_T::taps * CONFIG_T::channels], unsigned output,
                                         typename CONFIG_T::position_t position[CONFIG_T::outputs * CONFIG_T::terms],
                                         typename CONFIG_T::weight_t weight[CONFIG_T::outputs * CONFIG_T::terms],
                                         typename CONFIG_T::bias_t bias[CONFIG_T::outputs]) {
    #pragma HLS INLINE
    typename CONFIG_T::sum_t sum = bias[output];
    for (unsigned term = 0; term < CONFIG_T::terms; term++) {
        #pragma HLS UNROLL
        unsigned place = output * CONFIG_T::terms + term;
        sum += window[(unsigned)position[place] * CONFIG_T::channels + term / CONFIG_T::kept] * weight[place];
    }
    return sum;
}

template <class data_T, class res_T, typename CONFIG_T>
void mux_sign(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::channels],
             res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::outputs],
              typename CONFIG_T::position_t position[CONFIG_T::outputs * CONFIG_T::terms],
              typename CONFIG_T::negative_t negative[CONFIG_T::outputs * CONFIG_T::terms],
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
                    mux_sign_word<data_T, CONFIG_T>(window, output, position, negative, bias);
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void mux_sign(hls::stream<data_T> &data, hls::stream<res_T> &res,
              typename CONFIG_T::position_t position[CONFIG_T::outputs * CONFIG_T::terms],
              typename CONFIG_T::negative_t negative[CONFIG_T::outputs * CONFIG_T::terms],
              typename CONFIG_T::bias_t bias[CONFIG_T::outputs]) {
    typename data_T::value_type lines[CONFIG_T::lines][CONFIG_T::columns][CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=1
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=3
    typename data_T::value_type window[CONFIG_T::taps * CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=window complete
MuxSign:
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
                    out[output] = mux_sign_word<typename data_T::value_type, CONFIG_T>(window, output, position, negative, bias);
                }
                res.write(out);
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void mux_weight(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::channels],
               res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::outputs],
                typename CONFIG_T::position_t position[CONFIG_T::outputs * CONFIG_T::terms],
                typename CONFIG_T::weight_t weight[CONFIG_T::outputs * CONFIG_T::terms],
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
                    mux_weight_word<data_T, CONFIG_T>(window, output, position, weight, bias);
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void mux_weight(hls::stream<data_T> &data, hls::stream<res_T> &res,
                typename CONFIG_T::position_t position[CONFIG_T::outputs * CONFIG_T::terms],
                typename CONFIG_T::weight_t weight[CONFIG_T::outputs * CONFIG_T::terms],
                typename CONFIG_T::bias_t bias[CONFIG_T::outputs]) {
    typename data_T::value_type lines[CONFIG_T::lines][CONFIG_T::columns][CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=1
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=3
    typename data_T::value_type window[CONFIG_T::taps * CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=window complete
MuxWeight:
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
                    out[output] = mux_weight_word<typename data_T::value_type, CONFIG_T>(window, output, position, weight, bias);
                }
                res.write(out);
            }
        }
    }
}

} // namespace lutwright

#endif
