/*
 * What the small native programs of an enclave stand on instead of a C library: Linux system calls of x86-64, the entry
 * of a static program, and the four memory functions that the compiler itself calls. Each program is one file that
 * includes this one, so that a reader has everything and a linker decides nothing.
 *
 * System calls return what the kernel returns: a value, or minus an errno.
 */
#ifndef PROOFMARK_SYS_H
#define PROOFMARK_SYS_H

#if !defined(__x86_64__) || !defined(__linux__)
#error "x86-64 Linux only"
#endif

#include <asm/unistd.h>
#include <linux/errno.h>
#include <stddef.h>
#include <stdint.h>

typedef long sys_result;

static inline sys_result sys6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	sys_result result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* Unused arguments are zero: prctl and seccomp refuse anything else in some of theirs. */
#define SYS_PICK(_0, _1, _2, _3, _4, _5, _6, macro, ...) macro
#define SYS_0(n) sys6(n, 0, 0, 0, 0, 0, 0)
#define SYS_1(n, a) sys6(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS_2(n, a, b) sys6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS_3(n, a, b, c) sys6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS_4(n, a, b, c, d) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS_5(n, a, b, c, d, e) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS_6(n, a, b, c, d, e, f) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* sys(__NR_openat, AT_FDCWD, path, O_RDONLY): the number, then up to six arguments of any scalar type. */
#define sys(...) SYS_PICK(__VA_ARGS__, SYS_6, SYS_5, SYS_4, SYS_3, SYS_2, SYS_1, SYS_0)(__VA_ARGS__)

/*
 * The compiler may call these for plain assignments and initialisers. Hidden, so that in guard.node they neither replace
 * nor are replaced by those of the process. -fno-tree-loop-distribute-patterns keeps each from becoming a call to itself.
 */
#define SYS_COMPILER_CALLS __attribute__((visibility("hidden"), used))

SYS_COMPILER_CALLS void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
	unsigned char *out = to;
	const unsigned char *in = from;

	while (length-- > 0)
		*out++ = *in++;
	return to;
}

SYS_COMPILER_CALLS void *memmove(void *to, const void *from, size_t length)
{
	unsigned char *out = to;
	const unsigned char *in = from;

	if (out < in) {
		while (length-- > 0)
			*out++ = *in++;
	} else {
		while (length-- > 0)
			out[length] = in[length];
	}
	return to;
}

SYS_COMPILER_CALLS void *memset(void *to, int value, size_t length)
{
	unsigned char *out = to;

	while (length-- > 0)
		*out++ = (unsigned char)value;
	return to;
}

SYS_COMPILER_CALLS int memcmp(const void *left, const void *right, size_t length)
{
	const unsigned char *a = left, *b = right;

	for (; length > 0; a++, b++, length--) {
		if (*a != *b)
			return *a < *b ? -1 : 1;
	}
	return 0;
}

/* Overwrites what must not stay, also where the compiler sees that nobody reads it again. */
static inline void erase(void *secret, size_t length)
{
	memset(secret, 0, length);
	__asm__ volatile("" : : "r"(secret) : "memory");
}

static inline size_t text_length(const char *text)
{
	size_t length = 0;

	while (text[length] != '\0')
		length++;
	return length;
}

static inline int text_equal(const char *left, const char *right)
{
	while (*left != '\0' && *left == *right) {
		left++;
		right++;
	}
	return *left == *right;
}

/* The whole of `text` as a decimal number of at most nine digits, or -1. */
static inline long text_number(const char *text)
{
	long value = 0;
	size_t digits = 0;

	for (; text[digits] >= '0' && text[digits] <= '9' && digits < 10; digits++)
		value = value * 10 + (text[digits] - '0');
	return digits > 0 && digits < 10 && text[digits] == '\0' ? value : -1;
}

/* Writes `value` in decimal at `to`, which holds 21 bytes, with a final zero; returns its length. */
static inline size_t number_text(char *to, unsigned long value)
{
	char reversed[20];
	size_t digits = 0;

	do {
		reversed[digits++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	for (size_t i = 0; i < digits; i++)
		to[i] = reversed[digits - 1 - i];
	to[digits] = '\0';
	return digits;
}

/* Writes everything, also through signals and short writes. Returns 0, or minus an errno. */
static inline sys_result write_all(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length > 0) {
		sys_result written = sys(__NR_write, fd, at, length);

		if (written == -EINTR)
			continue;
		if (written < 0)
			return written;
		at += written;
		length -= (size_t)written;
	}
	return 0;
}

static inline void say(int fd, const char *text)
{
	(void)write_all(fd, text, text_length(text));
}

__attribute__((noreturn)) static inline void leave(int code)
{
	for (;;)
		sys(__NR_exit_group, code);
}

/*
 * A static program defines SYS_PROGRAM before it includes this file, and this function. The kernel starts it with the
 * number of arguments, the arguments and the environment on the stack.
 */
#ifdef SYS_PROGRAM
static int program(int argc, char **argv, char **envp);

__attribute__((noreturn, used)) static void sys_start(long *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);

	leave(program(argc, argv, argv + argc + 1));
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call sys_start\n"
	"	ud2\n");
#endif

#endif
