/* A library built for glibc, by a compiler that knows glibc, asking for what compat/ adapts. It runs as it is on glibc,
 * and repaired on musl; both must give the same answers. Functions write text into `out`, for ctypes. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <gnu/libc-version.h>
#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern void *__memcpy_chk(void *, const void *, size_t, size_t);
extern void *__memmove_chk(void *, const void *, size_t, size_t);
extern int __snprintf_chk(char *, size_t, int, size_t, const char *, ...);
extern int __fprintf_chk(FILE *, int, const char *, ...);
extern int __xpg_strerror_r(int, char *, size_t);
extern int __pthread_key_create(pthread_key_t *, void (*)(void *)) __attribute__((weak));
extern int strfromf128(char *, size_t, const char *, __float128);
extern long long strtoll_l(const char *, char **, int, locale_t);
extern unsigned long long strtoull_l(const char *, char **, int, locale_t);
extern int __res_init(void);

int has_threads(void)
{
	return __pthread_key_create != 0;
}

/* The same static initialiser as std::recursive_mutex. Locked three times, and seen from another thread meanwhile. */
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

static void *try_lock(void *mutex)
{
	return (void *)(intptr_t)pthread_mutex_trylock(mutex);
}

static int from_another_thread(pthread_mutex_t *mutex)
{
	pthread_t thread;
	void *result;
	pthread_create(&thread, 0, try_lock, mutex);
	pthread_join(thread, &result);
	return (int)(intptr_t)result;
}

void locks(char *out, size_t room)
{
	int first = pthread_mutex_lock(&recursive), again = pthread_mutex_lock(&recursive);
	int tried = pthread_mutex_trylock(&recursive), elsewhere = from_another_thread(&recursive);
	for (int i = 0; i < 3; i++)
		pthread_mutex_unlock(&recursive);
	int checked = pthread_mutex_lock(&checking), twice = pthread_mutex_lock(&checking);
	pthread_mutex_unlock(&checking);
	int plain = pthread_mutex_lock(&adaptive), busy = from_another_thread(&adaptive);
	pthread_mutex_unlock(&adaptive);
	snprintf(out, room, "%d %d %d %d, %d %d, %d %d", first, again, tried, elsewhere, checked, twice, plain, busy);
}

/* Many threads meet an untranslated mutex at once, each locks it twice; the count shows whether it excluded them. */
static pthread_mutex_t fresh[1000];
static long counts[1000];

static void *count_up(void *unused)
{
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&fresh[i]);
		pthread_mutex_lock(&fresh[i]);
		counts[i]++;
		pthread_mutex_unlock(&fresh[i]);
		pthread_mutex_unlock(&fresh[i]);
	}
	return unused;
}

long meet(void)
{
	pthread_t threads[8];
	pthread_mutex_t pattern = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	long sum = 0;
	for (int i = 0; i < 1000; i++) {
		memcpy(&fresh[i], &pattern, sizeof pattern);
		counts[i] = 0;
	}
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], 0, count_up, 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], 0);
	for (int i = 0; i < 1000; i++)
		sum += counts[i];
	return sum;
}

/* Use `depth` frames of about a kilobyte each, on a thread that was made without a stack size. */
__attribute__((noinline)) static int descend(int depth)
{
	volatile char frame[1000];
	memset((char *)frame, depth & 7, sizeof frame);
	return depth ? descend(depth - 1) + frame[depth % 1000] : 0;
}

static void *descend_from(void *depth)
{
	return (void *)(intptr_t)descend((int)(intptr_t)depth);
}

int deep(int depth)
{
	pthread_t thread;
	void *result;
	if (pthread_create(&thread, 0, descend_from, (void *)(intptr_t)depth))
		return -1;
	pthread_join(thread, &result);
	return (int)(intptr_t)result;
}

void errors(int error, char *out, size_t room)
{
	char gnu[100] = "", posix[100] = "", small[8] = "";
	const char *message = strerror_r(error, gnu, sizeof gnu); /* a pointer on glibc: that is the point */
	int whole = __xpg_strerror_r(error, posix, sizeof posix), cut = __xpg_strerror_r(error, small, sizeof small);
	snprintf(out, room, "%s|%s|%d %s|%d %s", message, strerror(error), whole, posix, cut, small);
}

void integers(const char *text, int base, char *out, size_t room)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", 0);
	char *end_signed, *end_unsigned;
	errno = 0;
	long long number = strtoll_l(text, &end_signed, base, c);
	int signed_error = errno;
	errno = 0;
	unsigned long long natural = strtoull_l(text, &end_unsigned, base, c);
	int unsigned_error = errno;
	errno = 0;
	long plain = strtol(text, 0, base);
	snprintf(out, room, "%lld %d %td %llu %d %td %ld %d", number, signed_error, end_signed - text, natural,
		 unsigned_error, end_unsigned - text, plain, errno);
	freelocale(c);
}

void decimals(const char *text, char *out, size_t room)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", 0);
	char *end;
	int written = 0;
#define READ(call)                                                                                      \
	do {                                                                                            \
		errno = 0;                                                                              \
		double number = (double)call;                                                           \
		written += snprintf(out + written, room - written, "%a %d %td, ", number, errno, end - text); \
	} while (0)
	READ(strtod(text, &end));
	READ(strtof(text, &end));
	READ(strtod_l(text, &end, c));
	READ(strtof_l(text, &end, c));
	READ(strtold_l(text, &end, c));
	freelocale(c);
}

void binary128(uint64_t high, uint64_t low, const char *format, size_t limit, char *out)
{
	uint64_t words[2] = {low, high};
	__float128 value;
	memcpy(&value, words, sizeof value);
	int length = strfromf128(out, limit, format, value);
	sprintf(out + strlen(out), " (%d)", length);
}

/* What libc++ does: read the tables out of the locale. */
void classes(char *out, size_t room)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", 0), again = newlocale(LC_CTYPE_MASK, "C", c), old = uselocale(again);
	const unsigned short *table = again->__ctype_b;
	unsigned long sum = 5381;
	for (int i = 0; i < 256; i++)
		sum = sum * 33 + table[i] * 7ul + (unsigned)again->__ctype_tolower[i] * 3ul + (unsigned)again->__ctype_toupper[i];
	for (int i = -128; i < 256; i++)
		sum = sum * 33 + (unsigned)(*__ctype_tolower_loc())[i] * 3ul + (unsigned)(*__ctype_toupper_loc())[i];
	uselocale(old);
	freelocale(again);
	snprintf(out, room, "%lu %d", sum, old == LC_GLOBAL_LOCALE);
}

static char visited[2000];

static int visit(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	char line[300];
	const char *names[] = {"file", "folder", "unreadable", "no status", "link", "folder, last", "broken link"};
	snprintf(line, sizeof line, "%s %d %s %o\n", path + place->base, place->level, names[kind], status->st_mode & S_IFMT);
	strncat(visited, line, sizeof visited - strlen(visited) - 1);
	return 0;
}

void walk(const char *path, int flags, char *out, size_t room)
{
	visited[0] = 0;
	errno = 0;
	int result = nftw(path, visit, 8, flags);
	snprintf(out, room, "%d %s", result, visited);
}

void formatted(char *out, size_t room)
{
	int length = __snprintf_chk(out, room, 1, room, "%s %5.2f %d", "text", 3.14159, 42);
	char moved[] = "0123456789";
	__memmove_chk(moved + 2, moved, 5, sizeof moved - 2);
	sprintf(out + strlen(out), " (%d) %s", length, moved);
}

/* Each ends the process, with a message. */
void overflow(int which)
{
	char room[8];
	volatile size_t bytes = 9;
	if (which == 0)
		__memcpy_chk(room, "123456789", bytes, sizeof room);
	else if (which == 1)
		__memmove_chk(room, "123456789", bytes, sizeof room);
	else
		__snprintf_chk(room, bytes, 1, sizeof room, "%d", 1);
	__fprintf_chk(stderr, 1, "%s was not stopped\n", room);
}

void library(char *out, size_t room)
{
	int major = atoi(gnu_get_libc_version());
	snprintf(out, room, "%d %d", major, __res_init());
}
