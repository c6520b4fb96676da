// Debian's OpenBLAS has no LAPACKE: both libraries are linked (see module.modulemap).
#include <cblas.h>
#include <lapacke.h>
