// Requantisation: an accumulator becomes the code of the next quantiser, exactly as numerics/requantise.py has it.
//
//   multiply:   code = clip((x * gain[c] + offset[c]) >> shift, code_low, code_high)
//   shift:      the same with x << gain[c] in place of the product
//               even: a code that is odd before the clip is one less where nothing but zeros is shifted out
//   threshold:  code = base[c] + #{j : x >= thresholds[c][j]}, or base[c] minus it where falling[c] is 1;
//               binary search, `levels` comparisons; the thresholds of a channel ascend and are 2^levels - 1 in number
//   table:      code = codes[c][x - low]
//
// Word i of a frame belongs to channel i % channels; where sets is 1 all channels share their constants.
// io_parallel: all words at once. io_stream: one beat in, one beat of as many words out.
// Both take a new frame or beat every reuse_factor clocks.
#ifndef LUTWRIGHT_STEP_H_
#define LUTWRIGHT_STEP_H_

#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace lutwright {

template <class data_T, typename CONFIG_T>
typename CONFIG_T::sum_t multiply_word(data_T x, unsigned set, typename CONFIG_T::gain_t gain[CONFIG_T::sets],
                                       typename CONFIG_T::offset_t offset[CONFIG_T::sets]) {
    #pragma HLS INLINE
    typename CONFIG_T::sum_t sum = x;
    if (CONFIG_T::powers) {
        sum = sum << (int)gain[set];
    } else {
        sum = sum * gain[set];
    }
    sum += offset[set];
    typename CONFIG_T::sum_t code = sum >> CONFIG_T::shift;
    if (CONFIG_T::even) {
        typename CONFIG_T::sum_t lost = sum - (code << CONFIG_T::shift);
        if (lost == 0 && code[0]) {
            code -= 1;
        }
    }
    if (code < CONFIG_T::code_low) {
        code = CONFIG_T::code_low;
    }
    if (code > CONFIG_T::code_high) {
        code = CONFIG_T::code_high;
    }
    return code;
}

template <class data_T, typename CONFIG_T>
typename CONFIG_T::code_t threshold_word(data_T x, unsigned set,
                                         typename CONFIG_T::thresholds_t thresholds[CONFIG_T::sets * CONFIG_T::count],
                                         typename CONFIG_T::base_t base[CONFIG_T::sets],
                                         typename CONFIG_T::falling_t falling[CONFIG_T::sets]) {
    #pragma HLS INLINE
    typename CONFIG_T::thresholds_t wide = x;
    unsigned passed = 0;
    for (unsigned level = CONFIG_T::levels; level > 0; level--) {
        #pragma HLS UNROLL
        unsigned half = 1u << (level - 1);
        if (wide >= thresholds[set * CONFIG_T::count + passed + half - 1]) {
            passed += half;
        }
    }
    typename CONFIG_T::code_t code = base[set];
    if (falling[set]) {
        code -= passed;
    } else {
        code += passed;
    }
    return code;
}

template <class data_T, typename CONFIG_T>
typename CONFIG_T::codes_t table_word(data_T x, unsigned set,
                                      typename CONFIG_T::codes_t codes[CONFIG_T::sets * CONFIG_T::span]) {
    #pragma HLS INLINE
    typename CONFIG_T::place_t place = x;
    place -= CONFIG_T::low;
    return codes[set * CONFIG_T::span + (unsigned)place];
}

template <typename CONFIG_T> unsigned set_of(unsigned word) {
    #pragma HLS INLINE
    return CONFIG_T::sets == 1 ? 0 : word % CONFIG_T::channels;
}

template <class data_T, class res_T, typename CONFIG_T>
void multiply_step(data_T data[CONFIG_T::words], res_T res[CONFIG_T::words], typename CONFIG_T::gain_t gain[CONFIG_T::sets],
                   typename CONFIG_T::offset_t offset[CONFIG_T::sets]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (unsigned i = 0; i < CONFIG_T::words; i++) {
        #pragma HLS UNROLL
        res[i] = multiply_word<data_T, CONFIG_T>(data[i], set_of<CONFIG_T>(i), gain, offset);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void multiply_step(hls::stream<data_T> &data, hls::stream<res_T> &res, typename CONFIG_T::gain_t gain[CONFIG_T::sets],
                   typename CONFIG_T::offset_t offset[CONFIG_T::sets]) {
    static_assert(data_T::size == res_T::size, "beats must be alike");
MultiplyStep:
    for (unsigned beat = 0; beat < CONFIG_T::words / data_T::size; beat++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned lane = 0; lane < data_T::size; lane++) {
            #pragma HLS UNROLL
            out[lane] = multiply_word<typename data_T::value_type, CONFIG_T>(
                in[lane], set_of<CONFIG_T>(beat * data_T::size + lane), gain, offset);
        }
        res.write(out);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void threshold_step(data_T data[CONFIG_T::words], res_T res[CONFIG_T::words],
                    typename CONFIG_T::thresholds_t thresholds[CONFIG_T::sets * CONFIG_T::count],
                    typename CONFIG_T::base_t base[CONFIG_T::sets], typename CONFIG_T::falling_t falling[CONFIG_T::sets]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (unsigned i = 0; i < CONFIG_T::words; i++) {
        #pragma HLS UNROLL
        res[i] = threshold_word<data_T, CONFIG_T>(data[i], set_of<CONFIG_T>(i), thresholds, base, falling);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void threshold_step(hls::stream<data_T> &data, hls::stream<res_T> &res,
                    typename CONFIG_T::thresholds_t thresholds[CONFIG_T::sets * CONFIG_T::count],
                    typename CONFIG_T::base_t base[CONFIG_T::sets], typename CONFIG_T::falling_t falling[CONFIG_T::sets]) {
    static_assert(data_T::size == res_T::size, "beats must be alike");
ThresholdStep:
    for (unsigned beat = 0; beat < CONFIG_T::words / data_T::size; beat++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned lane = 0; lane < data_T::size; lane++) {
            #pragma HLS UNROLL
            out[lane] = threshold_word<typename data_T::value_type, CONFIG_T>(
                in[lane], set_of<CONFIG_T>(beat * data_T::size + lane), thresholds, base, falling);
        }
        res.write(out);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void table_step(data_T data[CONFIG_T::words], res_T res[CONFIG_T::words],
                typename CONFIG_T::codes_t codes[CONFIG_T::sets * CONFIG_T::span]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (unsigned i = 0; i < CONFIG_T::words; i++) {
        #pragma HLS UNROLL
        res[i] = table_word<data_T, CONFIG_T>(data[i], set_of<CONFIG_T>(i), codes);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void table_step(hls::stream<data_T> &data, hls::stream<res_T> &res,
                typename CONFIG_T::codes_t codes[CONFIG_T::sets * CONFIG_T::span]) {
    static_assert(data_T::size == res_T::size, "beats must be alike");
TableStep:
    for (unsigned beat = 0; beat < CONFIG_T::words / data_T::size; beat++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned lane = 0; lane < data_T::size; lane++) {
            #pragma HLS UNROLL
            out[lane] = table_word<typename data_T::value_type, CONFIG_T>(
                in[lane], set_of<CONFIG_T>(beat * data_T::size + lane), codes);
        }
        res.write(out);
    }
}

} // namespace lutwright

#endif
