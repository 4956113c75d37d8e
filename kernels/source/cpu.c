#include "cpu.h"

#include <cpuid.h>

/* Intel's Software Developer's Manual, volume 1, chapters 14 and 15: CPUID's bits, and XCR0's for saved registers. */
enum { OSXSAVE = 1 << 27, FMA = 1 << 12 };                                            /* leaf 1, ECX */
enum { AVX2 = 1 << 5, AVX512F = 1 << 16, AVX512DQ = 1 << 17, AVX512BW = 1 << 30 };    /* leaf 7, EBX */
static const unsigned AVX512VL = 1u << 31;
enum { AVX512_VNNI = 1 << 11 };                                                       /* leaf 7, ECX */
enum { SAVED_256 = 0x6, SAVED_512 = 0xe6 };

typedef struct {
    unsigned basic, wide, newer, saved; /* leaf 1's ECX, leaf 7's EBX and ECX, XCR0 */
} Cpu;

static Cpu read_cpu(void) {
    Cpu cpu = {0, 0, 0, 0};
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) cpu.basic = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) cpu.wide = b, cpu.newer = c;
    if (cpu.basic & OSXSAVE) {
        __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
        cpu.saved = a;
    }
    return cpu;
}

static int has(unsigned found, unsigned wanted) { return (found & wanted) == wanted; }

int cpu_has_avx2(void) {
    Cpu cpu = read_cpu();
    return has(cpu.basic, FMA) && has(cpu.wide, AVX2) && has(cpu.saved, SAVED_256);
}

int cpu_has_avx512_vnni(void) {
    Cpu cpu = read_cpu();
    unsigned wide = AVX512F | AVX512DQ | AVX512BW | AVX512VL;
    return has(cpu.wide, wide) && has(cpu.newer, AVX512_VNNI) && has(cpu.saved, SAVED_512);
}
