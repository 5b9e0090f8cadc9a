// The places of the largest words of each row, largest first, ties to the lowest place: `places` of `channels`, of `rows`.
//
// One place is ArgMax, more are TopK. io_parallel: a frame, io_stream: a row, every reuse_factor clocks or more.
#ifndef LUTWRIGHT_ORDER_H_
#define LUTWRIGHT_ORDER_H_

#include "lutwright_words.h"

namespace lutwright {

// Row `words` -> `found`: the largest of those not yet found, again and again.
template <class data_T, class res_T, typename CONFIG_T>
void largest(data_T words[CONFIG_T::channels], res_T found[CONFIG_T::places]) {
    #pragma HLS INLINE
    bool taken[CONFIG_T::channels];
    #pragma HLS ARRAY_PARTITION variable=taken complete
    for (unsigned i = 0; i < CONFIG_T::channels; i++) {
        #pragma HLS UNROLL
        taken[i] = false;
    }
    for (unsigned place = 0; place < CONFIG_T::places; place++) {
        #pragma HLS UNROLL
        unsigned best = CONFIG_T::channels;
        data_T most = 0;
        for (unsigned i = 0; i < CONFIG_T::channels; i++) {
            #pragma HLS UNROLL
            if (!taken[i] && (best == CONFIG_T::channels || words[i] > most)) {
                best = i;
                most = words[i];
            }
        }
        taken[best] = true;
        found[place] = best;
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void order(data_T data[CONFIG_T::rows * CONFIG_T::channels], res_T res[CONFIG_T::rows * CONFIG_T::places]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (unsigned row = 0; row < CONFIG_T::rows; row++) {
        #pragma HLS UNROLL
        data_T words[CONFIG_T::channels];
        res_T found[CONFIG_T::places];
        for (unsigned i = 0; i < CONFIG_T::channels; i++) {
            #pragma HLS UNROLL
            words[i] = data[row * CONFIG_T::channels + i];
        }
        largest<data_T, res_T, CONFIG_T>(words, found);
        for (unsigned i = 0; i < CONFIG_T::places; i++) {
            #pragma HLS UNROLL
            res[row * CONFIG_T::places + i] = found[i];
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T> void order(hls::stream<data_T> &data, hls::stream<res_T> &res) {
Order:
    for (unsigned row = 0; row < CONFIG_T::rows; row++) {
        typename data_T::value_type words[CONFIG_T::channels];
        typename res_T::value_type found[CONFIG_T::places];
        read_words<CONFIG_T::channels, data_T>(data, words);
        largest<typename data_T::value_type, typename res_T::value_type, CONFIG_T>(words, found);
        write_words<CONFIG_T::places, res_T>(found, res);
    }
}

} // namespace lutwright

#endif
