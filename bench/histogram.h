/* Latencies in a log-linear histogram: fixed memory, no sorting, every percentile exact to 0.8 %. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum { NS_MS = 1000000, FINE_BITS = 7, FINE = 1 << FINE_BITS }; /* 128 steps an octave */

static int64_t histogram[64 * FINE], recorded, slowest;

static int bucket_of(int64_t ns) {
    if (ns < FINE) return ns < 0 ? 0 : (int)ns;
    int shift = 63 - __builtin_clzll((uint64_t)ns) - FINE_BITS;
    return (shift + 1) * FINE + (int)((ns >> shift) - FINE);
}

static int64_t bucket_top(int bucket) {
    int octave = bucket / FINE, step = bucket % FINE;
    return octave == 0 ? step : ((int64_t)(FINE + step + 1) << (octave - 1)) - 1;
}

static void record(int64_t ns) {
    histogram[bucket_of(ns)]++;
    recorded++;
    if (ns > slowest) slowest = ns;
}

static double percentile_ms(double share) {
    int64_t wanted = (int64_t)(share * (double)recorded + 0.9999999), seen = 0;
    for (int b = 0; b < 64 * FINE; b++) {
        seen += histogram[b];
        if (seen >= wanted && seen > 0) {
            int64_t top = bucket_top(b);
            return (double)(top < slowest ? top : slowest) / NS_MS;
        }
    }
    return 0;
}

#endif
