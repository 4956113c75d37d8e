/* Threads: whether there are any, recursive locks, the default stack. */
#define _GNU_SOURCE
#include "glibc.h"

#include <pthread.h>

/* libstdc++'s headers of glibc before 2.34 look whether this weak name is there; where it is not, the process is taken
 * to have one thread, and every std::mutex and every count of a shared_ptr does nothing. Nothing fails at load, it races
 * later. Nobody calls it. */
GLIBC int __pthread_key_create(pthread_key_t *key, void (*destroy)(void *))
{
	return pthread_key_create(key, destroy);
}

/* A mutex's kind lies at byte 16 in glibc, where musl keeps nothing, and at byte 0 in musl. The numbers agree
 * (1 recursive, 2 error-checking), and pthread_mutex_init() of musl clears the rest, so only static initialisers, which
 * std::recursive_mutex is made with, need a translation: unadapted, their second lock waits for ever.
 *
 * Any number of threads may find the kind untranslated at once: all store the same number. */
enum { NORMAL, RECURSIVE, ERROR_CHECKING, MUSL_KIND = 0, GLIBC_KIND = 4 };

static pthread_mutex_t *translated(pthread_mutex_t *mutex)
{
	int *words = (int *)mutex;
	int kind = __atomic_load_n(&words[GLIBC_KIND], __ATOMIC_RELAXED);
	if ((kind == RECURSIVE || kind == ERROR_CHECKING)
	    && __atomic_load_n(&words[MUSL_KIND], __ATOMIC_RELAXED) == NORMAL)
		__atomic_store_n(&words[MUSL_KIND], kind, __ATOMIC_RELAXED);
	return mutex;
}

GLIBC int glibc_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	return pthread_mutex_lock(translated(mutex));
}

GLIBC int glibc_pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	return pthread_mutex_trylock(translated(mutex));
}

/* glibc gives a thread 8 MiB of stack (ulimit -s), musl 128 KiB. 8 MiB is the most that musl lets a program ask for as
 * its default; pages are taken when they are used. Threads made before this, or with a size of their own, keep theirs. */
__attribute__((constructor)) static void raise_default_stack(void)
{
	pthread_attr_t attributes;
	if (pthread_attr_init(&attributes))
		return;
	if (!pthread_attr_setstacksize(&attributes, 8 << 20))
		pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
}
