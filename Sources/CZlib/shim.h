#pragma once
#include <zlib.h>

// inflateInit2 is a macro, which Swift cannot call. 31 = the largest window, gzip wrapper only.
static inline int czlib_begin_gunzip(z_streamp stream) { return inflateInit2(stream, 31); }
