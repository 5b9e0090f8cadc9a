// Words of a frame out of a stream of beats, and back: for layers that need a whole row or frame before they answer.
#ifndef LUTWRIGHT_WORDS_H_
#define LUTWRIGHT_WORDS_H_

#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace lutwright {

// COUNT words into `words`; a beat of `data` holds data_T::size of them, which divides COUNT.
template <unsigned COUNT, class data_T>
void read_words(hls::stream<data_T> &data, typename data_T::value_type words[COUNT]) {
    static_assert(COUNT % data_T::size == 0, "a beat must divide the words");
ReadWords:
    for (unsigned beat = 0; beat < COUNT / data_T::size; beat++) {
        #pragma HLS PIPELINE
        data_T in = data.read();
        for (unsigned lane = 0; lane < data_T::size; lane++) {
            #pragma HLS UNROLL
            words[beat * data_T::size + lane] = in[lane];
        }
    }
}

// COUNT words of `words` as beats of `res`.
template <unsigned COUNT, class res_T>
void write_words(typename res_T::value_type words[COUNT], hls::stream<res_T> &res) {
    static_assert(COUNT % res_T::size == 0, "a beat must divide the words");
WriteWords:
    for (unsigned beat = 0; beat < COUNT / res_T::size; beat++) {
        #pragma HLS PIPELINE
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned lane = 0; lane < res_T::size; lane++) {
            #pragma HLS UNROLL
            out[lane] = words[beat * res_T::size + lane];
        }
        res.write(out);
    }
}

} // namespace lutwright

#endif
