/* What the CPU that this runs on can do, and whether the system saves its wide registers. */
#ifndef CPU_H
#define CPU_H

int cpu_has_avx512_vnni(void); /* F, BW, DQ, VL, VNNI */
int cpu_has_avx2(void);        /* AVX2 and FMA */

#endif
