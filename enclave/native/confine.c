/*
 * confine: starts a program with fewer rights than its starter has, and takes it down when the starter ends. The launcher
 * starts the worker and every model process through it (DESIGN section 7).
 *
 *   confine --parent PID [--namespaces user|root] [--id N] [--cover DIR]... -- PROGRAM [ARGUMENT]...
 *
 * --parent      the process that must be the parent now and whose end is this one's
 * --namespaces  pid, network, ipc and mount namespaces of its own: `user` makes a user namespace for them, `root` has the
 *               right to them. This process stays outside, kills the program on SIGTERM, and ends as the program ends.
 * --id          user and group of the program; for root only
 * --cover       an empty directory that nobody can write to, in place of DIR
 *
 * Always: no capabilities, no way to gain any, no core file, a session of its own, an empty environment, and no
 * descriptor beyond 3. Whatever cannot be had ends with code 71 and one line on standard error.
 */
#define SYS_PROGRAM
#include "sys.h"

#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/wait.h>

enum { USAGE = 64, REFUSED = 71, LAST_DESCRIPTOR = 3, COVERS = 8 };

enum namespaces { NO_NAMESPACES, USER_NAMESPACE, ROOT_NAMESPACES };

struct plan {
	long parent;
	enum namespaces namespaces;
	/* Minus one: stay who we are. */
	long id;
	const char *covers[COVERS];
	int cover_count;
	char **program;
};

__attribute__((noreturn)) static void refuse(const char *step, sys_result result)
{
	char code[21];

	number_text(code, (unsigned long)(result < 0 ? -result : 0));
	say(2, "confine: ");
	say(2, step);
	say(2, ": error ");
	say(2, code);
	say(2, "\n");
	leave(REFUSED);
}

static sys_result require(const char *step, sys_result result)
{
	if (result < 0)
		refuse(step, result);
	return result;
}

static const char *value_of(char **argv, int *at)
{
	if (argv[*at + 1] == NULL)
		refuse("a value is missing", 0);
	return argv[++*at];
}

static struct plan parse(int argc, char **argv)
{
	struct plan plan = { .parent = -1, .id = -1 };
	int at = 1;

	for (; at < argc && !text_equal(argv[at], "--"); at++) {
		if (text_equal(argv[at], "--parent")) {
			plan.parent = text_number(value_of(argv, &at));
		} else if (text_equal(argv[at], "--namespaces")) {
			const char *kind = value_of(argv, &at);

			plan.namespaces = text_equal(kind, "user")   ? USER_NAMESPACE
					  : text_equal(kind, "root") ? ROOT_NAMESPACES
								     : NO_NAMESPACES;
			if (plan.namespaces == NO_NAMESPACES)
				leave(USAGE);
		} else if (text_equal(argv[at], "--id")) {
			plan.id = text_number(value_of(argv, &at));
			if (plan.id < 1)
				leave(USAGE);
		} else if (text_equal(argv[at], "--cover") && plan.cover_count < COVERS) {
			plan.covers[plan.cover_count++] = value_of(argv, &at);
		} else {
			leave(USAGE);
		}
	}
	/* Covers need a mount namespace: without one they would cover for everybody. */
	if (plan.parent < 0 || at + 1 >= argc || (plan.cover_count > 0 && plan.namespaces == NO_NAMESPACES))
		leave(USAGE);
	plan.program = argv + at + 1;
	return plan;
}

static void write_file(const char *path, const char *text)
{
	int fd = (int)require(path, sys(__NR_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC));

	require(path, write_all(fd, text, text_length(text)));
	sys(__NR_close, fd);
}

/* One user and one group, as which this process ran outside: nobody else exists in the new namespace. */
static void map_identity(const char *path, unsigned long id)
{
	char line[48];
	size_t length = number_text(line, id);

	line[length++] = ' ';
	length += number_text(line + length, id);
	memcpy(line + length, " 1", 3);
	write_file(path, line);
}

static void enter_user_namespace(unsigned long uid, unsigned long gid)
{
	write_file("/proc/self/setgroups", "deny");
	map_identity("/proc/self/uid_map", uid);
	map_identity("/proc/self/gid_map", gid);
}

#define QUIET (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static void arrange_mounts(const struct plan *plan)
{
	require("private mounts", sys(__NR_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	for (int i = 0; i < plan->cover_count; i++) {
		const char *directory = plan->covers[i];

		require(directory, sys(__NR_mount, "none", directory, "tmpfs", QUIET | MS_RDONLY, "mode=0555"));
	}
	/*
	 * Processes of its own namespace only. The kernel refuses it where the /proc around has parts covered, as some sandboxes
	 * do: then the other processes stay visible, which are neither readable nor within reach of a signal.
	 */
	sys(__NR_mount, "proc", "/proc", "proc", QUIET, NULL);
}

/*
 * Ends at the first number that is no capability. Whoever lacks the right to shrink this set has no capabilities, and gains
 * none from it under no_new_privs.
 */
static void empty_bounding_set(void)
{
	for (long capability = 0; sys(__NR_prctl, PR_CAPBSET_READ, capability) >= 0; capability++)
		sys(__NR_prctl, PR_CAPBSET_DROP, capability);
}

static void become(long id)
{
	require("groups", sys(__NR_setgroups, 0, NULL));
	require("group", sys(__NR_setresgid, id, id, id));
	require("user", sys(__NR_setresuid, id, id, id));
}

static void give_up_rights(long id)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
	const uint64_t nothing[2] = { 0, 0 };

	/* First, because the right to do it goes with the user. */
	empty_bounding_set();
	if (id >= 0)
		become(id);
	sys(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
	require("capabilities", sys(__NR_capset, &header, none));
	require("no_new_privs", sys(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1));
	require("core limit", sys(__NR_prlimit64, 0, RLIMIT_CORE, nothing, NULL));
	/* After every change of identity, which clears it. */
	require("death signal", sys(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL));
}

__attribute__((noreturn)) static void start(const struct plan *plan)
{
	char *environment[] = { NULL };

	require("descriptors", sys(__NR_close_range, LAST_DESCRIPTOR + 1, ~0U, 0));
	refuse(plan->program[0], sys(__NR_execve, plan->program[0], plan->program, environment));
}

#define SIGNAL_BIT(signal) (1UL << ((signal) - 1))

static const uint64_t awaited = SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGCHLD), none_blocked = 0;

/*
 * Ends as the program ended, by the same signal where it was one. SIGTERM is the order to kill the program: unlike a SIGKILL
 * to this process, after which the program dies a moment later and somebody else reaps it, it leaves nothing behind.
 */
__attribute__((noreturn)) static void follow(long pid)
{
	int status = 0, signal;
	sys_result result;

	do {
		if (sys(__NR_rt_sigtimedwait, &awaited, NULL, NULL, sizeof(awaited)) == SIGTERM)
			sys(__NR_kill, pid, SIGKILL);
		result = sys(__NR_wait4, pid, &status, WNOHANG | __WALL, NULL);
	} while (result == 0 || result == -EINTR);
	require("wait", result);
	signal = status & 0x7f;
	if (signal == 0)
		leave((status >> 8) & 0xff);
	sys(__NR_rt_sigprocmask, SIG_SETMASK, &none_blocked, NULL, sizeof(none_blocked));
	sys(__NR_kill, sys(__NR_getpid), signal);
	leave(128 + signal);
}

/* Whoever started this may be gone since; then the death signal, set only now, never comes. */
static void require_parent(long parent)
{
	if (sys(__NR_getppid) != parent)
		refuse("the parent is another", 0);
}

static void run_in_namespaces(const struct plan *plan)
{
	const unsigned long uid = (unsigned long)sys(__NR_getuid), gid = (unsigned long)sys(__NR_getgid);
	unsigned long flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS | SIGCHLD;
	int alive[2];
	sys_result pid;

	if (plan->namespaces == USER_NAMESPACE)
		flags |= CLONE_NEWUSER;
	require("pipe", sys(__NR_pipe2, alive, O_CLOEXEC));
	/* Kept until they are asked for: an order that comes before the program runs is not lost. */
	sys(__NR_rt_sigprocmask, SIG_BLOCK, &awaited, NULL, sizeof(awaited));
	pid = require("namespaces", sys(__NR_clone, flags, 0, 0, 0, 0));
	if (pid != 0) {
		/* Above all the program's own descriptors: its peer must see them close when the program ends. */
		sys(__NR_dup3, alive[1], LAST_DESCRIPTOR, O_CLOEXEC);
		sys(__NR_close_range, LAST_DESCRIPTOR + 1, ~0U, 0);
		sys(__NR_close_range, 0, 1, 0);
		give_up_rights(plan->id);
		sys(__NR_prctl, PR_SET_DUMPABLE, 0);
		require_parent(plan->parent);
		follow(pid);
	}
	sys(__NR_rt_sigprocmask, SIG_SETMASK, &none_blocked, NULL, sizeof(none_blocked));
	sys(__NR_close, alive[1]);
	if (plan->namespaces == USER_NAMESPACE)
		enter_user_namespace(uid, gid);
	arrange_mounts(plan);
	sys(__NR_setsid);
	give_up_rights(plan->id);
	/* A closed pipe says that the process outside ended before the death signal was set. */
	struct pollfd outside = { .fd = alive[0], .events = POLLIN };

	if (sys(__NR_poll, &outside, 1, 0) != 0)
		leave(REFUSED);
	start(plan);
}

static int program(int argc, char **argv, char **envp)
{
	struct plan plan = parse(argc, argv);

	(void)envp;
	if (plan.namespaces != NO_NAMESPACES)
		run_in_namespaces(&plan);
	sys(__NR_setsid);
	give_up_rights(plan.id);
	require_parent(plan.parent);
	start(&plan);
}
