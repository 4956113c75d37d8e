/* What every part of the library shares. Only functions marked GLIBC are seen from outside. */
#ifndef VECTORSPACE_GLIBC_H
#define VECTORSPACE_GLIBC_H

#define GLIBC __attribute__((visibility("default")))

#endif
