// Weighted words: an affine map of each channel, and the weighted sum of two tensors.
//
//   affine:  y[i] = x[i] * gain[c] + offset[c]             c = i % channels, or 0 where sets is 1
//   add:     y[i] = a[i] * gain_a[c] + b[i] * gain_b[c]
//
// io_parallel: all words at once. io_stream: one beat a reuse_factor clocks; two inputs of different beats wait for a frame.
#ifndef LUTWRIGHT_LINEAR_H_
#define LUTWRIGHT_LINEAR_H_

#include "lutwright_step.h"
#include "lutwright_words.h"
#include <type_traits>

namespace lutwright {

template <class data_T, class res_T, typename CONFIG_T>
void affine(data_T data[CONFIG_T::words], res_T res[CONFIG_T::words], typename CONFIG_T::gain_t gain[CONFIG_T::sets],
            typename CONFIG_T::offset_t offset[CONFIG_T::sets]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (unsigned i = 0; i < CONFIG_T::words; i++) {
        #pragma HLS UNROLL
        typename CONFIG_T::sum_t sum = data[i];
        sum *= gain[set_of<CONFIG_T>(i)];
        res[i] = sum + offset[set_of<CONFIG_T>(i)];
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void affine(hls::stream<data_T> &data, hls::stream<res_T> &res, typename CONFIG_T::gain_t gain[CONFIG_T::sets],
            typename CONFIG_T::offset_t offset[CONFIG_T::sets]) {
    static_assert(data_T::size == res_T::size, "beats must be alike");
Affine:
    for (unsigned beat = 0; beat < CONFIG_T::words / data_T::size; beat++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned lane = 0; lane < data_T::size; lane++) {
            #pragma HLS UNROLL
            unsigned set = set_of<CONFIG_T>(beat * data_T::size + lane);
            typename CONFIG_T::sum_t sum = in[lane];
            sum *= gain[set];
            out[lane] = sum + offset[set];
        }
        res.write(out);
    }
}

template <class a_T, class b_T, typename CONFIG_T>
typename CONFIG_T::sum_t add_words(a_T a, b_T b, unsigned word, typename CONFIG_T::gain_a_t gain_a[CONFIG_T::sets],
                                   typename CONFIG_T::gain_b_t gain_b[CONFIG_T::sets]) {
    #pragma HLS INLINE
    unsigned set = set_of<CONFIG_T>(word);
    typename CONFIG_T::sum_t left = a, right = b;
    left *= gain_a[set];
    right *= gain_b[set];
    return left + right;
}

template <class a_T, class b_T, class res_T, typename CONFIG_T>
void add(a_T a[CONFIG_T::words], b_T b[CONFIG_T::words], res_T res[CONFIG_T::words],
         typename CONFIG_T::gain_a_t gain_a[CONFIG_T::sets], typename CONFIG_T::gain_b_t gain_b[CONFIG_T::sets]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (unsigned i = 0; i < CONFIG_T::words; i++) {
        #pragma HLS UNROLL
        res[i] = add_words<a_T, b_T, CONFIG_T>(a[i], b[i], i, gain_a, gain_b);
    }
}

// Beats that are alike, one at a time.
template <class a_T, class b_T, class res_T, typename CONFIG_T>
typename std::enable_if<a_T::size == b_T::size && a_T::size == res_T::size>::type
add(hls::stream<a_T> &a, hls::stream<b_T> &b, hls::stream<res_T> &res,
    typename CONFIG_T::gain_a_t gain_a[CONFIG_T::sets], typename CONFIG_T::gain_b_t gain_b[CONFIG_T::sets]) {
Add:
    for (unsigned beat = 0; beat < CONFIG_T::words / a_T::size; beat++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        a_T left = a.read();
        b_T right = b.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned lane = 0; lane < a_T::size; lane++) {
            #pragma HLS UNROLL
            out[lane] = add_words<typename a_T::value_type, typename b_T::value_type, CONFIG_T>(
                left[lane], right[lane], beat * a_T::size + lane, gain_a, gain_b);
        }
        res.write(out);
    }
}

// Beats that differ: whole frames.
template <class a_T, class b_T, class res_T, typename CONFIG_T>
typename std::enable_if<a_T::size != b_T::size || a_T::size != res_T::size>::type
add(hls::stream<a_T> &a, hls::stream<b_T> &b, hls::stream<res_T> &res,
    typename CONFIG_T::gain_a_t gain_a[CONFIG_T::sets], typename CONFIG_T::gain_b_t gain_b[CONFIG_T::sets]) {
    typename a_T::value_type left[CONFIG_T::words];
    typename b_T::value_type right[CONFIG_T::words];
    typename res_T::value_type sums[CONFIG_T::words];
    read_words<CONFIG_T::words, a_T>(a, left);
    read_words<CONFIG_T::words, b_T>(b, right);
    add<typename a_T::value_type, typename b_T::value_type, typename res_T::value_type, CONFIG_T>(left, right, sums, gain_a,
                                                                                                  gain_b);
    write_words<CONFIG_T::words, res_T>(sums, res);
}

} // namespace lutwright

#endif
