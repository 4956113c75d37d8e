/* strfromf128(): a binary128 as text. onnxruntime's file holds libstdc++'s std::to_chars for that type, which calls it.
 * musl has no such type: musl's long double has 80 bits, and printf() cannot be asked.
 *
 * The value is turned into its exact decimal digits (at most 16,494 behind the point), which are then rounded to what the
 * format asks for, half to even. glibc follows the rounding mode of the floating point unit; this does not.
 *
 * source  ISO/IEC TS 18661-3, 12.2: the format is '%', a precision or none, and one of a A e E f F g G */
#include "glibc.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	BIAS = 16383,
	FRACTION_BITS = 112,
	FRACTION_HEX = FRACTION_BITS / 4,
	LIMB_DIGITS = 9,
	INTEGER_LIMBS = 552,  /* 2^16384 has 4,933 digits */
	FRACTION_LIMBS = 1836, /* 2^-16494 ends 16,494 digits behind the point */
	MAX_DIGITS = (INTEGER_LIMBS + FRACTION_LIMBS) * LIMB_DIGITS,
};

static const uint32_t LIMB = 1000000000;

/* Where the text goes: at most `room` bytes, the last of them the end mark; `length` counts on. */
struct text {
	char *start;
	size_t room;
	size_t length;
};

static void put(struct text *out, char c)
{
	if (out->length + 1 < out->room)
		out->start[out->length] = c;
	out->length++;
}

static void put_all(struct text *out, const char *characters)
{
	while (*characters)
		put(out, *characters++);
}

/* The exponent with its sign and at least `width` digits. */
static void put_exponent(struct text *out, int exponent, int width)
{
	char digits[8];
	int n = 0;
	put(out, exponent < 0 ? '-' : '+');
	for (int rest = abs(exponent); rest || n < width; rest /= 10)
		digits[n++] = (char)('0' + rest % 10);
	while (n)
		put(out, digits[--n]);
}

/* Decimal digits d1 d2 d3 ...: the value is 0.d1d2d3... * 10^point. */
struct decimal {
	int count;
	int point;
	char digits[MAX_DIGITS + 1]; /* one in front for a carry */
};

static int digit(const struct decimal *d, int index)
{
	return index >= 0 && index < d->count ? d->digits[1 + index] : 0;
}

/* The exact digits of high:low * 2^exponent, an integer of 113 bits. */
static void expand(struct decimal *d, uint64_t high, uint64_t low, int exponent)
{
	uint32_t limbs[INTEGER_LIMBS + FRACTION_LIMBS] = {0};
	int first = INTEGER_LIMBS, end = INTEGER_LIMBS; /* the point is before limbs[INTEGER_LIMBS] */
	uint64_t words[] = {high >> 32, high & 0xffffffff, low >> 32, low & 0xffffffff};

	for (int w = 0; w < 4; w++) {
		uint64_t carry = words[w];
		for (int i = end - 1; i >= first || carry; i--) {
			carry += (uint64_t)limbs[i] << 32;
			limbs[i] = (uint32_t)(carry % LIMB);
			carry /= LIMB;
			if (i < first)
				first = i;
		}
	}
	while (exponent > 0) {
		int shift = exponent < 29 ? exponent : 29;
		uint64_t carry = 0;
		for (int i = end - 1; i >= first || carry; i--) {
			carry += (uint64_t)limbs[i] << shift;
			limbs[i] = (uint32_t)(carry % LIMB);
			carry /= LIMB;
			if (i < first)
				first = i;
		}
		exponent -= shift;
	}
	while (exponent < 0) {
		int shift = -exponent < LIMB_DIGITS ? -exponent : LIMB_DIGITS; /* 2^9 divides a limb's 10^9 */
		uint32_t carry = 0;
		for (int i = first; i < end || carry; i++) {
			uint32_t low_bits = limbs[i] & ((1u << shift) - 1);
			limbs[i] = (limbs[i] >> shift) + carry;
			carry = low_bits * (LIMB >> shift);
			if (i >= end)
				end = i + 1;
		}
		while (first < end && !limbs[first])
			first++;
		exponent += shift;
	}

	d->count = 0;
	d->point = (INTEGER_LIMBS - first) * LIMB_DIGITS;
	for (int i = first; i < end; i++)
		for (uint32_t unit = LIMB / 10, rest = limbs[i]; unit; unit /= 10) {
			int next = (int)(rest / unit);
			rest %= unit;
			if (d->count || next)
				d->digits[1 + d->count++] = (char)next;
			else
				d->point--;
		}
}

/* Keep the first `count` digits, rounded half to even; none or fewer leaves zero or, rounded up, one. */
static void round_to(struct decimal *d, int count)
{
	if (count >= d->count)
		return;
	bool up = false;
	if (count >= 0) {
		bool more = false;
		for (int i = count + 1; i < d->count && !more; i++)
			more = digit(d, i);
		int next = digit(d, count);
		up = next > 5 || (next == 5 && (more || digit(d, count - 1) % 2));
	}
	d->count = count > 0 ? count : 0;
	int i = d->count;
	if (up) {
		while (i > 0 && d->digits[i] == 9)
			d->digits[i--] = 0;
		if (i > 0) {
			d->digits[i]++;
		} else { /* 9.99 becomes 10.0: all digits are zero now, and the first moves up */
			if (!d->count)
				d->count = 1;
			d->digits[1] = 1;
			d->point++;
		}
	}
}

static void put_fixed(struct text *out, const struct decimal *d, int precision)
{
	if (!d->count || d->point <= 0)
		put(out, '0');
	else
		for (int i = 0; i < d->point; i++)
			put(out, (char)('0' + digit(d, i)));
	if (precision)
		put(out, '.');
	for (int i = 0; i < precision; i++)
		put(out, (char)('0' + (d->count ? digit(d, d->point + i) : 0)));
}

static void put_scientific(struct text *out, const struct decimal *d, int precision, char letter)
{
	put(out, (char)('0' + digit(d, 0)));
	if (precision)
		put(out, '.');
	for (int i = 1; i <= precision; i++)
		put(out, (char)('0' + digit(d, i)));
	put(out, letter);
	put_exponent(out, d->count ? d->point - 1 : 0, 2);
}

static void put_general(struct text *out, struct decimal *d, int precision, char letter)
{
	int significant = precision ? precision : 1;
	round_to(d, significant);
	while (d->count && !d->digits[d->count])
		d->count--;
	int exponent = d->count ? d->point - 1 : 0;
	int kept = d->count ? d->count : 1;
	if (exponent < -4 || exponent >= significant)
		put_scientific(out, d, kept - 1, letter);
	else
		put_fixed(out, d, kept - 1 > exponent ? kept - 1 - exponent : 0);
}

/* Hexadecimal: the digits are there, only rounding is to be done. A precision of -1 means as many as it takes. */
static void put_hexadecimal(struct text *out, uint64_t high, uint64_t low, int exponent, int precision, bool upper)
{
	const char *letters = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char hex[1 + FRACTION_HEX]; /* the leading bit, then the fraction */
	for (int i = 0; i <= FRACTION_HEX; i++) {
		int shift = FRACTION_BITS - 4 * i;
		hex[i] = (char)(shift >= 64 ? high >> (shift - 64) & 15 : low >> shift & 15);
	}
	int count = FRACTION_HEX;
	if (precision < 0) {
		while (count && !hex[count])
			count--;
	} else if (precision < count) {
		bool more = false;
		for (int i = precision + 2; i <= FRACTION_HEX && !more; i++)
			more = hex[i];
		int next = hex[precision + 1];
		count = precision;
		if (next > 8 || (next == 8 && (more || hex[count] % 2))) {
			int i = count;
			while (i > 0 && hex[i] == 15)
				hex[i--] = 0;
			hex[i]++;
		}
	}
	put_all(out, upper ? "0X" : "0x");
	put(out, letters[(int)hex[0]]);
	if (precision > 0 || (precision < 0 && count))
		put(out, '.');
	for (int i = 1; i <= (precision < 0 ? count : precision); i++)
		put(out, i <= count ? letters[(int)hex[i]] : '0');
	put(out, upper ? 'P' : 'p');
	put_exponent(out, exponent, 1);
}

GLIBC int strfromf128(char *restrict start, size_t room, const char *restrict format, __float128 value)
{
	uint64_t words[2];
	memcpy(words, &value, sizeof words);
	bool negative = words[1] >> 63;
	int biased = (int)(words[1] >> 48 & 0x7fff);
	uint64_t high = words[1] & 0xffffffffffff, low = words[0];

	int precision = -1;
	const char *next = format + (*format == '%');
	if (*next == '.') {
		precision = 0;
		while (isdigit((unsigned char)*++next))
			precision = precision * 10 + *next - '0';
	}
	char kind = *next;
	if (*format != '%' || !kind || !strchr("aAeEfFgG", kind) || next[1])
		abort(); /* glibc does so too: the format is the program's own mistake */
	bool upper = isupper((unsigned char)kind);

	struct text out = {start, room, 0};
	if (negative)
		put(&out, '-');
	if (biased == 0x7fff) {
		put_all(&out, high || low ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf"));
	} else {
		bool zero = !biased && !high && !low;
		int exponent = (biased ? biased : 1) - BIAS;
		if (biased)
			high |= 1ull << (FRACTION_BITS - 64);
		if (kind == 'a' || kind == 'A') {
			put_hexadecimal(&out, high, low, zero ? 0 : exponent, precision, upper);
		} else {
			struct decimal d = {0};
			if (!zero)
				expand(&d, high, low, exponent - FRACTION_BITS);
			if (precision < 0)
				precision = 6;
			if (kind == 'e' || kind == 'E') {
				round_to(&d, precision + 1);
				put_scientific(&out, &d, precision, upper ? 'E' : 'e');
			} else if (kind == 'f' || kind == 'F') {
				round_to(&d, d.point + precision);
				put_fixed(&out, &d, precision);
			} else {
				put_general(&out, &d, precision, upper ? 'E' : 'e');
			}
		}
	}
	if (room)
		start[out.length < room ? out.length : room - 1] = 0;
	return (int)out.length;
}
