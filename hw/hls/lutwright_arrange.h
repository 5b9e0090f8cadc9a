// Words put elsewhere: picked by index, and two tensors joined.
//
//   gather:  y[i] = x[index[i]], or `value` where index[i] is words (one more than the last)
//   concat:  `blocks` times: block_a words of a, then block_b words of b
//
// io_parallel: wiring. io_stream: gather stores a frame; concat passes beats on where they are alike or a whole pixel each,
// and stores a frame where not.
#ifndef LUTWRIGHT_ARRANGE_H_
#define LUTWRIGHT_ARRANGE_H_

#include "lutwright_words.h"
#include <type_traits>

namespace lutwright {

template <class data_T, class res_T, typename CONFIG_T>
void gather(data_T data[CONFIG_T::words], res_T res[CONFIG_T::made], typename CONFIG_T::index_t index[CONFIG_T::made]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (unsigned i = 0; i < CONFIG_T::made; i++) {
        #pragma HLS UNROLL
        unsigned from = index[i];
        if (from == CONFIG_T::words) {
            res[i] = CONFIG_T::value;
        } else {
            res[i] = data[from];
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void gather(hls::stream<data_T> &data, hls::stream<res_T> &res, typename CONFIG_T::index_t index[CONFIG_T::made]) {
    typename data_T::value_type words[CONFIG_T::words];
    read_words<CONFIG_T::words, data_T>(data, words);
Gather:
    for (unsigned beat = 0; beat < CONFIG_T::made / res_T::size; beat++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned lane = 0; lane < res_T::size; lane++) {
            #pragma HLS UNROLL
            unsigned from = index[beat * res_T::size + lane];
            if (from == CONFIG_T::words) {
                out[lane] = CONFIG_T::value;
            } else {
                out[lane] = words[from];
            }
        }
        res.write(out);
    }
}

template <class a_T, class b_T, class res_T, typename CONFIG_T>
void concat(a_T a[CONFIG_T::blocks * CONFIG_T::block_a], b_T b[CONFIG_T::blocks * CONFIG_T::block_b],
            res_T res[CONFIG_T::blocks * (CONFIG_T::block_a + CONFIG_T::block_b)]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (unsigned block = 0; block < CONFIG_T::blocks; block++) {
        #pragma HLS UNROLL
        unsigned to = block * (CONFIG_T::block_a + CONFIG_T::block_b);
        for (unsigned i = 0; i < CONFIG_T::block_a; i++) {
            #pragma HLS UNROLL
            res[to + i] = a[block * CONFIG_T::block_a + i];
        }
        for (unsigned i = 0; i < CONFIG_T::block_b; i++) {
            #pragma HLS UNROLL
            res[to + CONFIG_T::block_a + i] = b[block * CONFIG_T::block_b + i];
        }
    }
}

// How beats of a and b become beats of the result: JOIN: one of each makes one. FOLLOW: all are of one size, and those of a
// block stand before those of the other. STORE: neither.
enum { JOIN, FOLLOW, STORE };
template <class a_T, class b_T, class res_T, typename CONFIG_T> struct concat_way {
    static const bool joins = a_T::size == CONFIG_T::block_a && b_T::size == CONFIG_T::block_b &&
                              res_T::size == CONFIG_T::block_a + CONFIG_T::block_b;
    static const bool follows = a_T::size == res_T::size && b_T::size == res_T::size &&
                                CONFIG_T::block_a % res_T::size == 0 && CONFIG_T::block_b % res_T::size == 0;
    typedef std::integral_constant<int, joins ? JOIN : follows ? FOLLOW : STORE> type;
};

template <class a_T, class b_T, class res_T, typename CONFIG_T>
void concat_beats(hls::stream<a_T> &a, hls::stream<b_T> &b, hls::stream<res_T> &res, std::integral_constant<int, JOIN>) {
Join:
    for (unsigned block = 0; block < CONFIG_T::blocks; block++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        a_T left = a.read();
        b_T right = b.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned i = 0; i < CONFIG_T::block_a; i++) {
            #pragma HLS UNROLL
            out[i] = left[i];
        }
        for (unsigned i = 0; i < CONFIG_T::block_b; i++) {
            #pragma HLS UNROLL
            out[CONFIG_T::block_a + i] = right[i];
        }
        res.write(out);
    }
}

// BEATS beats of `from` as beats of `to`.
template <unsigned BEATS, class from_T, class to_T> void pass_on(hls::stream<from_T> &from, hls::stream<to_T> &to) {
PassOn:
    for (unsigned beat = 0; beat < BEATS; beat++) {
        #pragma HLS PIPELINE
        from_T in = from.read();
        to_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned lane = 0; lane < from_T::size; lane++) {
            #pragma HLS UNROLL
            out[lane] = in[lane];
        }
        to.write(out);
    }
}

template <class a_T, class b_T, class res_T, typename CONFIG_T>
void concat_beats(hls::stream<a_T> &a, hls::stream<b_T> &b, hls::stream<res_T> &res, std::integral_constant<int, FOLLOW>) {
Follow:
    for (unsigned block = 0; block < CONFIG_T::blocks; block++) {
        pass_on<CONFIG_T::block_a / res_T::size, a_T, res_T>(a, res);
        pass_on<CONFIG_T::block_b / res_T::size, b_T, res_T>(b, res);
    }
}

template <class a_T, class b_T, class res_T, typename CONFIG_T>
void concat_beats(hls::stream<a_T> &a, hls::stream<b_T> &b, hls::stream<res_T> &res, std::integral_constant<int, STORE>) {
    typename a_T::value_type left[CONFIG_T::blocks * CONFIG_T::block_a];
    typename b_T::value_type right[CONFIG_T::blocks * CONFIG_T::block_b];
    typename res_T::value_type joined[CONFIG_T::blocks * (CONFIG_T::block_a + CONFIG_T::block_b)];
    read_words<CONFIG_T::blocks * CONFIG_T::block_a, a_T>(a, left);
    read_words<CONFIG_T::blocks * CONFIG_T::block_b, b_T>(b, right);
    concat<typename a_T::value_type, typename b_T::value_type, typename res_T::value_type, CONFIG_T>(left, right, joined);
    write_words<CONFIG_T::blocks *(CONFIG_T::block_a + CONFIG_T::block_b), res_T>(joined, res);
}

template <class a_T, class b_T, class res_T, typename CONFIG_T>
void concat(hls::stream<a_T> &a, hls::stream<b_T> &b, hls::stream<res_T> &res) {
    #pragma HLS INLINE
    concat_beats<a_T, b_T, res_T, CONFIG_T>(a, b, res, typename concat_way<a_T, b_T, res_T, CONFIG_T>::type());
}

} // namespace lutwright

#endif
