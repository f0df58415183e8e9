/*
 * The first process of an enclave image. It does what /etc/init.list says, one directive a line (format: enclave/image/
 * init-list.ts), starts the launcher, and restarts the machine, which ends it, as soon as the launcher or anything beside
 * it ends: an enclave lives and dies as one. There is no shell and no environment.
 *
 * On the console it says codes only, `init CODE A B`: the console belongs to whoever runs the machine. What the launcher
 * and everything else that is started here say goes nowhere, unless the list has the directive `debug`, and the list is
 * measured.
 */
#define SYS_PROGRAM
#include "sys.h"
#include "bridge.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/reboot.h>
#include <linux/seccomp.h>

#define LIST "/etc/init.list"
#define LIST_VERSION "proofmark-init 1"
#define LIST_MAX 8192
#define WORDS_MAX 48
#define HELPERS_MAX 8
/* Emulated machines are slow to find their devices and to start a worker. */
#define AWAIT_MS 120000
#define AWAIT_STEP_MS 5
#define HEARTBEAT 0xb7
#define SIGNAL_CHILD 17
#define SIGNAL_KILL 9
#define NO_HANG 1
#define WAIT_ALL 0x40000000
/* TCSBRK with an argument: waits until the console has sent everything. */
#define CONSOLE_DRAIN 0x5409

enum {
	STARTED = 10,
	RUNNING = 20,
	MAIN_ENDED = 30,
	HELPER_ENDED,
	END_ASKED,
	LIST_UNREADABLE = 40,
	LIST_INVALID,
	DIRECTIVE_FAILED,
	CALLS_KEPT,
};

static char list[LIST_MAX + 1];
static long helpers[HELPERS_MAX];
static size_t helper_count;
static long main_process;
static int console_shown;

static void say_code(long code, unsigned long a, unsigned long b)
{
	const unsigned long words[] = {(unsigned long)code, a, b};
	char line[80] = "init", *at = line + 4;

	for (size_t i = 0; i < 3; i++) {
		*at++ = ' ';
		at += number_text(at, words[i]);
	}
	*at++ = '\n';
	(void)write_all(1, line, (size_t)(at - line));
}

__attribute__((noreturn)) static void end_machine(long code, unsigned long a, unsigned long b)
{
	say_code(code, a, b);
	sys(__NR_kill, -1, SIGNAL_KILL);
	sys(__NR_ioctl, 1, CONSOLE_DRAIN, 1);
	for (;;) {
		sys(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0);
		sys(__NR_poll, 0, 0, 1000);
	}
}

/* Also of processes that lost their parents, which nobody asked about. */
static void ended(long process, int status)
{
	unsigned long code = (status & 0x7f) == 0 ? (unsigned long)(status >> 8 & 0xff) : 128ul + (status & 0x7f);

	if (process == main_process)
		end_machine(MAIN_ENDED, code, 0);
	for (size_t i = 0; i < helper_count; i++) {
		if (helpers[i] == process)
			end_machine(HELPER_ENDED, i + 1, code);
	}
}

static sys_result reap(int options)
{
	int status = 0;
	sys_result process = sys(__NR_wait4, -1, &status, options | WAIT_ALL, 0);

	if (process > 0)
		ended(process, status);
	return process;
}

static uint32_t octal(const char *text)
{
	uint32_t value = 0;
	size_t digits = 0;

	for (; text[digits] >= '0' && text[digits] <= '7' && digits < 5; digits++)
		value = value * 8 + (uint32_t)(text[digits] - '0');
	return digits == 4 && text[4] == '\0' ? value : UINT32_MAX;
}

static long number(const char *text)
{
	long value = text_number(text);

	return value < 0 ? -EINVAL : value;
}

static sys_result do_mount(char **words)
{
	const char *kind = words[0], *path = words[1];
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (text_equal(kind, "proc"))
		/* A process sees itself; root sees all. */
		return sys(__NR_mount, "proc", path, "proc", flags, "hidepid=2");
	if (text_equal(kind, "sysfs"))
		return sys(__NR_mount, "sysfs", path, "sysfs", flags | MS_RDONLY, 0);
	/* Reports of SEV-SNP are asked for by making folders in it. */
	if (text_equal(kind, "configfs"))
		return sys(__NR_mount, "configfs", path, "configfs", flags, 0);
	if (text_equal(kind, "tmpfs"))
		return sys(__NR_mount, "tmpfs", path, "tmpfs", flags, "mode=0755");
	return -EINVAL;
}

static sys_result do_own(char **words)
{
	const char *path = words[0];
	long user = number(words[1]), group = number(words[2]);
	uint32_t mode = octal(words[3]);

	if (user < 0 || group < 0 || mode == UINT32_MAX)
		return -EINVAL;

	sys_result failed = sys(__NR_chown, path, user, group);

	return failed < 0 ? failed : sys(__NR_chmod, path, mode);
}

static sys_result do_folder(char **words)
{
	sys_result failed = sys(__NR_mkdir, words[0], 0700);

	return failed < 0 ? failed : do_own(words);
}

static sys_result do_module(char **words)
{
	sys_result fd = sys(__NR_open, words[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fd;

	sys_result failed = sys(__NR_finit_module, fd, "", 0);

	sys(__NR_close, fd);
	return failed;
}

static sys_result do_await(char **words)
{
	sys_result missing = -ENOENT;

	for (int waited = 0; waited < AWAIT_MS; waited += AWAIT_STEP_MS) {
		if ((missing = sys(__NR_access, words[0], 0)) == 0)
			return 0;
		/* What was started to make it may have ended instead. */
		reap(NO_HANG);
		sys(__NR_poll, 0, 0, AWAIT_STEP_MS);
	}
	return missing;
}

static sys_result do_kernel(char **words)
{
	static const char under[] = "/proc/sys/kernel/";
	char path[128];
	size_t length = text_length(words[0]);

	if (length >= sizeof(path) - sizeof(under))
		return -ENAMETOOLONG;
	memcpy(path, under, sizeof(under));
	memcpy(path + sizeof(under) - 1, words[0], length + 1);

	sys_result fd = sys(__NR_open, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return fd;

	sys_result failed = write_all((int)fd, words[1], text_length(words[1]));

	sys(__NR_close, fd);
	return failed;
}

/* An initial ramdisk has no device that could be read-only: this takes writing from its mount instead. */
static sys_result do_seal(char **words)
{
	(void)words;
	return sys(__NR_mount, 0, "/", 0, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV | MS_NOSUID, 0);
}

static sys_result do_debug(char **words)
{
	(void)words;
	console_shown = 1;
	return 0;
}

static long start(char **words)
{
	static char *const no_environment[] = {0};
	int held[2];
	int said = console_shown ? 1 : (int)sys(__NR_open, "/dev/null", O_WRONLY | O_CLOEXEC);

	if (said < 0)
		return said;
	/* Never written to, and open here for as long as this machine runs: its end would be the parent's. */
	if (sys(__NR_pipe2, held, 0) < 0)
		return -ENFILE;

	sys_result process = sys(__NR_fork);

	if (process != 0) {
		sys(__NR_close, held[0]);
		if (!console_shown)
			sys(__NR_close, said);
		return process;
	}
	sys(__NR_setsid);
	sys(__NR_dup2, held[0], 0);
	sys(__NR_dup2, said, 1);
	sys(__NR_dup2, said, 2);
	sys(__NR_close_range, 3, ~0u, 0);
	sys(__NR_execve, words[0], words, no_environment);
	leave(127);
}

static sys_result helper(long process)
{
	if (process > 0)
		helpers[helper_count++] = process;
	return process < 0 ? process : 0;
}

static sys_result do_spawn(char **words)
{
	return helper(start(words));
}

static sys_result do_run(char **words)
{
	/* One program is what everything else is for. */
	if (main_process != 0)
		return -EEXIST;

	long process = start(words);

	main_process = process < 0 ? 0 : process;
	return process < 0 ? process : 0;
}

static sys_result do_end(char **words)
{
	(void)words;
	end_machine(END_ASKED, 0, 0);
}

/* AWS's hypervisor waits for this before it calls an enclave started: one byte there, and the same one back. */
static sys_result do_heartbeat(char **words)
{
	struct sockaddr_vsock address = {.family = AF_VSOCK, .cid = (uint32_t)number(words[0]), .port = (uint32_t)number(words[1])};
	int fd = (int)sys(__NR_socket, AF_VSOCK, SOCK_STREAM | O_CLOEXEC, 0);
	unsigned char byte = HEARTBEAT;
	sys_result failed = fd < 0 ? fd : sys(__NR_connect, fd, &address, sizeof(address));

	if (failed >= 0)
		failed = write_all(fd, &byte, 1);
	if (failed >= 0) {
		struct pollfd polled = {.fd = fd, .events = POLLIN};

		failed = sys(__NR_poll, &polled, 1, AWAIT_MS) == 1 ? sys(__NR_read, fd, &byte, 1) : -ETIMEDOUT;
		failed = failed < 0 ? failed : failed == 1 && byte == HEARTBEAT ? 0 : -EPROTO;
	}
	if (fd >= 0)
		sys(__NR_close, fd);
	return failed;
}

/* From here on in a process of its own; what it was given last of the machine is this one stream. */
static sys_result fork_bridge(int fd, const char *socket, const char *user_text, long cid)
{
	long user = number(user_text);

	if (fd < 0)
		return fd;
	if (user <= 0 || text_length(socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -EINVAL;

	sys_result process = sys(__NR_fork);

	if (process != 0) {
		sys(__NR_close, fd);
		return helper(process);
	}
	sys(__NR_dup3, fd, 3, O_CLOEXEC);
	sys(__NR_close_range, 4, ~0u, 0);
	worker_socket = socket;
	become((uint32_t)user);
	if (cid < 0)
		bridge_port(3);
	bridge_vsock(3, (uint32_t)cid);
}

static sys_result do_bridge_port(char **words)
{
	int fd = (int)sys(__NR_open, words[0], O_RDWR | O_NONBLOCK | O_CLOEXEC);

	return fork_bridge(fd, words[1], words[2], -1);
}

static sys_result do_bridge_vsock(char **words)
{
	struct sockaddr_vsock address = {.family = AF_VSOCK, .cid = ~0u, .port = (uint32_t)number(words[0])};
	long cid = number(words[1]);
	int fd = (int)sys(__NR_socket, AF_VSOCK, SOCK_STREAM | SOCK_FLAGS, 0);

	if (fd < 0)
		return fd;

	sys_result failed = cid < 0 ? cid : sys(__NR_bind, fd, &address, sizeof(address));

	if (failed >= 0)
		failed = sys(__NR_listen, fd, 4);
	return failed < 0 ? failed : fork_bridge(fd, words[2], words[3], cid);
}

static const struct directive {
	const char *name;
	size_t least, most;
	sys_result (*obey)(char **words);
} directives[] = {
	{"debug", 0, 0, do_debug},
	{"mount", 2, 2, do_mount},
	{"folder", 4, 4, do_folder},
	{"own", 4, 4, do_own},
	{"module", 1, 1, do_module},
	{"await", 1, 1, do_await},
	{"kernel", 2, 2, do_kernel},
	{"seal", 0, 0, do_seal},
	{"heartbeat", 2, 2, do_heartbeat},
	{"spawn", 1, WORDS_MAX, do_spawn},
	{"bridge-port", 3, 3, do_bridge_port},
	{"bridge-vsock", 4, 4, do_bridge_vsock},
	{"run", 1, WORDS_MAX, do_run},
	{"end", 0, 0, do_end},
};

static sys_result obey_line(char **words, size_t count)
{
	size_t given = count - 1;

	if (helper_count == HELPERS_MAX)
		return -EINVAL;
	for (const struct directive *at = directives; at < directives + sizeof(directives) / sizeof(*directives); at++) {
		if (text_equal(at->name, words[0]) && given >= at->least && given <= at->most)
			return at->obey(words + 1);
	}
	return -EINVAL;
}

/* Splits a line in place at single spaces; a list says each thing in one way. Returns 0 for a line that does not. */
static size_t split(char *line, char **words)
{
	size_t count = 0;

	for (char *at = line; count < WORDS_MAX;) {
		words[count++] = at;
		while (*at > ' ' && *at < 0x7f)
			at++;
		if (at == words[count - 1] || (*at != ' ' && *at != '\0'))
			return 0;
		if (*at == '\0') {
			words[count] = 0;
			return count;
		}
		*at++ = '\0';
	}
	return 0;
}

static void obey_list(void)
{
	static char *words[WORDS_MAX + 1];
	sys_result fd = sys(__NR_open, LIST, O_RDONLY | O_CLOEXEC), length = 0, got;

	if (fd < 0)
		end_machine(LIST_UNREADABLE, (unsigned long)-fd, 0);
	while ((got = sys(__NR_read, fd, list + length, LIST_MAX - length)) > 0)
		length += got;
	sys(__NR_close, fd);
	if (got < 0 || length == LIST_MAX)
		end_machine(LIST_UNREADABLE, (unsigned long)-got, (unsigned long)length);

	unsigned long line = 0;

	for (char *at = list, *next; at < list + length; at = next) {
		next = at;
		while (*next != '\n' && *next != '\0')
			next++;
		/* A last line that does not end was cut off somewhere. */
		if (*next++ != '\n')
			end_machine(LIST_INVALID, line + 1, 0);
		next[-1] = '\0';
		line++;
		if (line == 1) {
			if (!text_equal(at, LIST_VERSION))
				end_machine(LIST_INVALID, line, 0);
			continue;
		}

		size_t count = split(at, words);

		if (count == 0)
			end_machine(LIST_INVALID, line, 0);

		sys_result result = obey_line(words, count);

		if (result < 0)
			end_machine(DIRECTIVE_FAILED, line, (unsigned long)-result);
	}
	if (main_process == 0)
		end_machine(LIST_INVALID, line + 1, 0);
}

/*
 * Calls that nothing in an image needs and that have been the way into many kernels: for every process from here on they
 * do not exist. A ring of io_uring made before a process filters itself would also carry calls past its filter.
 */
static sys_result forget_calls(void)
{
#define WORD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define ABSENT BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)
#define WITHOUT(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), ABSENT
	/* The other ways to number calls, of 32-bit programs: there are none here. */
	static struct sock_filter filter[] = {
		WORD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		ABSENT,
		WORD(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
		ABSENT,
		WITHOUT(__NR_io_uring_setup),
		WITHOUT(__NR_io_uring_enter),
		WITHOUT(__NR_io_uring_register),
		WITHOUT(__NR_bpf),
		WITHOUT(__NR_perf_event_open),
		WITHOUT(__NR_userfaultfd),
		WITHOUT(__NR_ptrace),
		WITHOUT(__NR_process_vm_readv),
		WITHOUT(__NR_process_vm_writev),
		WITHOUT(__NR_add_key),
		WITHOUT(__NR_request_key),
		WITHOUT(__NR_keyctl),
		WITHOUT(__NR_kexec_load),
		WITHOUT(__NR_kexec_file_load),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static struct sock_fprog program_of_filter = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};

	return sys(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program_of_filter);
}

static void open_console(void)
{
	/* There is nowhere to complain to yet. */
	(void)sys(__NR_mount, "dev", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, 0);

	int console = (int)sys(__NR_open, "/dev/console", O_RDWR | O_NOCTTY);

	for (int fd = 0; console >= 0 && fd < 3; fd++) {
		if (console != fd)
			sys(__NR_dup2, console, fd);
	}
	if (console > 2)
		sys(__NR_close, console);
}

static int program(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	(void)envp;
	/* Anywhere else its directives would change a machine that is in use. */
	if (sys(__NR_getpid) != 1)
		return 2;
	open_console();
	sys(__NR_chdir, "/");
	sys(__NR_umask, 022);
	say_code(STARTED, 0, 0);

	sys_result failed = forget_calls();

	if (failed < 0)
		end_machine(CALLS_KEPT, (unsigned long)-failed, 0);
	obey_list();
	say_code(RUNNING, 0, 0);
	for (;;)
		reap(0);
}
