#ifndef PREFETCH_H
#define PREFETCH_H

/// Asks the processor to fetch the cache line at `address`, which need not be readable.
static inline void prefetch(const void *address) { __builtin_prefetch(address); }

#endif
