/*
 * How the worker's socket reaches the host: part of init, in a process of its own without privileges. Frames pass as
 * opaque bytes.
 *
 * A virtio-serial port is one stream for the life of the machine, and its notices of who is connected outside travel on
 * another queue than its bytes: they cannot tell where one host's bytes end. So every piece on the port carries the number
 * of its session. The other side opens a session for each host that connects; a further one ends the one before, whose
 * bytes are dropped on both sides from then on, wherever they were. A session may have WINDOW bytes under way in each
 * direction: both sides always have room for what arrives, so a worker or a host that does not read blocks nobody else.
 *
 *   piece = kind, session, length: u32 big-endian each; then, for DATA alone, `length` bytes
 *   READY    to the host once: the worker listens
 *   OPEN     to the worker: a host has connected
 *   DATA     both ways
 *   CLOSE    both ways: this session's stream has ended
 *   CREDIT   both ways: `length` more bytes may be under way
 *
 * A vsock has a connection for each host, so its bytes need no numbers; the newest connection wins, as in the worker.
 */
#include <asm/fcntl.h>
#include <asm/socket.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/un.h>

#define AF_UNIX 1
#define AF_VSOCK 40
#define SOCK_STREAM 1
#define SOCK_FLAGS (O_CLOEXEC | O_NONBLOCK)
#define WINDOW (256 * 1024)
#define CREDIT_STEP (WINDOW / 4)
#define PIECE_HEAD 12
#define PIECE_DATA (16 * 1024)
#define CONNECT_WAIT_MS 20
#define CONNECT_TRIES 250

struct sockaddr_vsock {
	uint16_t family, reserved;
	uint32_t port, cid;
	uint8_t flags, zero[3];
};

enum { READY = 1, OPEN, DATA, CLOSE, CREDIT };
enum { BRIDGE_END = 20, BRIDGE_PROTOCOL, BRIDGE_LISTENER };

/* Bytes from `start` to `end` wait to be written. */
struct queue {
	size_t start, end;
	unsigned char bytes[WINDOW + PIECE_HEAD + PIECE_DATA];
};

static struct queue outward, inward;
static const char *worker_socket;

static size_t waiting(const struct queue *queue)
{
	return queue->end - queue->start;
}

static size_t room(const struct queue *queue)
{
	return sizeof(queue->bytes) - waiting(queue);
}

static void empty(struct queue *queue)
{
	erase(queue->bytes, queue->end);
	queue->start = queue->end = 0;
}

/* Where `length` bytes can be put that `room` has shown to fit. */
static unsigned char *place(struct queue *queue, size_t length)
{
	if (sizeof(queue->bytes) - queue->end < length) {
		memmove(queue->bytes, queue->bytes + queue->start, waiting(queue));
		queue->end -= queue->start;
		queue->start = 0;
	}
	return queue->bytes + queue->end;
}

/* Returns what was written; minus an errno where the stream has ended. */
static sys_result pour(struct queue *queue, int fd)
{
	sys_result written = sys(__NR_write, fd, queue->bytes + queue->start, waiting(queue));

	if (written == -EAGAIN || written == -EINTR)
		return 0;
	if (written < 0)
		return written;
	queue->start += (size_t)written;
	if (queue->start == queue->end)
		empty(queue);
	return written;
}

/* Returns what was read, 0 for nothing yet, and -EPIPE at the stream's end. */
static sys_result take(int fd, unsigned char *to, size_t length)
{
	sys_result got = sys(__NR_read, fd, to, length);

	if (got == -EAGAIN || got == -EINTR)
		return 0;
	return got == 0 ? -EPIPE : got;
}

/* Nobody may connect yet, and that is an errno too. */
static int connect_worker(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = (int)sys(__NR_socket, AF_UNIX, SOCK_STREAM | SOCK_FLAGS, 0);

	if (fd < 0)
		return fd;
	memcpy(address.sun_path, worker_socket, text_length(worker_socket));

	int failed = (int)sys(__NR_connect, fd, &address, sizeof(address));

	if (failed == 0)
		return fd;
	sys(__NR_close, fd);
	return failed;
}

static void wait_for(struct pollfd *polled, unsigned long count, int milliseconds)
{
	sys_result ready = sys(__NR_poll, polled, count, milliseconds);

	if (ready < 0 && ready != -EINTR)
		leave(BRIDGE_END);
	if (ready > 0)
		return;
	for (unsigned long i = 0; i < count; i++)
		polled[i].revents = 0;
}

/* What the port's side of this process knows of its one session; number 0 is none. */
static struct {
	int port, worker;
	uint32_t session;
	unsigned int tries;
	/* Bytes that may go out before the next CREDIT; bytes taken in that no CREDIT has named yet. */
	size_t credit, passed;
	unsigned char head[PIECE_HEAD];
	size_t head_length, data_rest;
	/* The data under way belongs to a session that is over. */
	int dropping;
} link;

static void put_u32(unsigned char *to, uint32_t value)
{
	to[0] = (unsigned char)(value >> 24);
	to[1] = (unsigned char)(value >> 16);
	to[2] = (unsigned char)(value >> 8);
	to[3] = (unsigned char)value;
}

static uint32_t get_u32(const unsigned char *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void piece(uint32_t kind, uint32_t session, uint32_t length)
{
	unsigned char *head = place(&outward, PIECE_HEAD);

	put_u32(head, kind);
	put_u32(head + 4, session);
	put_u32(head + 8, length);
	outward.end += PIECE_HEAD;
}

/* The session's bytes towards the worker go with it; those towards the host carry its number and are dropped there. */
static void end_session(int tell)
{
	if (link.session == 0)
		return;
	if (tell)
		piece(CLOSE, link.session, 0);
	if (link.worker >= 0)
		sys(__NR_close, link.worker);
	link.worker = -1;
	link.session = 0;
	link.dropping = 1;
	empty(&inward);
}

static void begin_session(uint32_t session)
{
	end_session(0);
	link.session = session;
	link.credit = WINDOW;
	link.passed = 0;
	link.tries = 0;
}

static void obey(uint32_t kind, uint32_t session, uint32_t length)
{
	int current = session != 0 && session == link.session;

	if (kind == OPEN && session != 0 && length == 0)
		begin_session(session);
	else if (kind == CLOSE && length == 0) {
		if (current)
			end_session(0);
	} else if (kind == CREDIT) {
		if (current && length > WINDOW - link.credit)
			leave(BRIDGE_PROTOCOL);
		if (current)
			link.credit += length;
	} else if (kind == DATA && length <= PIECE_DATA) {
		link.dropping = !current;
		link.data_rest = length;
		/* More than the window: its sender has lost count. */
		if (current && waiting(&inward) + link.passed + length > WINDOW)
			leave(BRIDGE_PROTOCOL);
	} else
		leave(BRIDGE_PROTOCOL);
}

static void read_port(void)
{
	static unsigned char spill[PIECE_DATA];
	sys_result got;

	if (link.data_rest == 0) {
		got = take(link.port, link.head + link.head_length, PIECE_HEAD - link.head_length);
		if (got < 0)
			leave(BRIDGE_END);
		link.head_length += (size_t)got;
		if (link.head_length < PIECE_HEAD)
			return;
		link.head_length = 0;
		obey(get_u32(link.head), get_u32(link.head + 4), get_u32(link.head + 8));
		return;
	}
	got = take(link.port, link.dropping ? spill : place(&inward, link.data_rest), link.data_rest);
	if (got < 0)
		leave(BRIDGE_END);
	if (!link.dropping)
		inward.end += (size_t)got;
	link.data_rest -= (size_t)got;
}

static void read_worker(void)
{
	size_t most = link.credit < PIECE_DATA ? link.credit : PIECE_DATA;
	unsigned char *at = place(&outward, PIECE_HEAD + most) + PIECE_HEAD;
	sys_result got = take(link.worker, at, most);

	if (got < 0) {
		end_session(1);
		return;
	}
	if (got == 0)
		return;
	piece(DATA, link.session, (uint32_t)got);
	outward.end += (size_t)got;
	link.credit -= (size_t)got;
}

static void write_worker(void)
{
	sys_result written = pour(&inward, link.worker);

	if (written < 0) {
		end_session(1);
		return;
	}
	link.passed += (size_t)written;
	if (link.passed < CREDIT_STEP)
		return;
	piece(CREDIT, link.session, (uint32_t)link.passed);
	link.passed = 0;
}

static void try_worker(void)
{
	link.worker = connect_worker();
	if (link.worker < 0 && ++link.tries > CONNECT_TRIES)
		end_session(1);
}

/* Notices of the host's side come on a queue of their own, a little after the port itself. */
static void wait_for_host(int port)
{
	struct pollfd polled = {.fd = port, .events = POLLOUT};

	for (unsigned int tries = 0; tries < CONNECT_TRIES; tries++) {
		wait_for(&polled, 1, CONNECT_WAIT_MS);
		if ((polled.revents & (POLLOUT | POLLHUP)) == POLLOUT)
			return;
		sys(__NR_poll, 0, 0, CONNECT_WAIT_MS);
	}
	leave(BRIDGE_END);
}

__attribute__((noreturn)) static void bridge_port(int port)
{
	int announced = 0;

	wait_for_host(port);
	link.port = port;
	link.worker = -1;
	for (;;) {
		/* A turn adds at most a few heads beside its data, so a host that sends and never reads fills nothing. */
		int full = room(&outward) < 8 * PIECE_HEAD;
		int asking = link.worker >= 0 && link.credit > 0 && room(&outward) >= 9 * PIECE_HEAD + PIECE_DATA;
		int telling = link.worker >= 0 && waiting(&inward) > 0;
		struct pollfd polled[2] = {
			{.fd = port, .events = (short)((full ? 0 : POLLIN) | (waiting(&outward) > 0 ? POLLOUT : 0))},
			{.fd = full ? -1 : link.worker, .events = (short)((asking ? POLLIN : 0) | (telling ? POLLOUT : 0))},
		};

		wait_for(polled, 2, (link.session != 0 && link.worker < 0) || !announced ? CONNECT_WAIT_MS : -1);
		if ((polled[0].revents & POLLOUT) != 0 && pour(&outward, port) < 0)
			leave(BRIDGE_END);
		if ((polled[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 && (polled[0].revents & POLLIN) == 0)
			leave(BRIDGE_END);
		if (full)
			continue;
		if (!announced && sys(__NR_access, worker_socket, 0) == 0) {
			piece(READY, 0, 0);
			announced = 1;
		}
		if (telling && (polled[1].revents & POLLOUT) != 0)
			write_worker();
		if (link.worker >= 0 && (polled[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
			/* Hung up while nothing may be read: what it still said has no reader. */
			if (asking)
				read_worker();
			else
				end_session(1);
		}
		if ((polled[0].revents & POLLIN) != 0)
			read_port();
		if (link.session != 0 && link.worker < 0)
			try_worker();
	}
}

static int accept_from(int listener, uint32_t cid)
{
	struct sockaddr_vsock from = {0};
	uint32_t size = sizeof(from);
	int fd = (int)sys(__NR_accept4, listener, &from, &size, SOCK_FLAGS);

	if (fd >= 0 && from.cid != cid) {
		sys(__NR_close, fd);
		return -EPERM;
	}
	return fd;
}

/* One direction's share of a turn; returns whether the connection is over. */
static int carry(struct pollfd *polled, struct queue *from, struct queue *to)
{
	if ((polled->revents & POLLOUT) != 0 && pour(to, polled->fd) < 0)
		return 1;
	if ((polled->revents & (POLLIN | POLLHUP | POLLERR)) == 0)
		return 0;
	if ((polled->events & POLLIN) == 0)
		return 1;

	sys_result got = take(polled->fd, place(from, PIECE_DATA), PIECE_DATA);

	if (got > 0)
		from->end += (size_t)got;
	return got < 0;
}

static short wants(const struct queue *from, const struct queue *to)
{
	return (short)((room(from) >= PIECE_DATA ? POLLIN : 0) | (waiting(to) > 0 ? POLLOUT : 0));
}

/* Only the machine with this number may connect: on AWS 3, the parent. */
__attribute__((noreturn)) static void bridge_vsock(int listener, uint32_t cid)
{
	int host = -1, worker = -1;
	unsigned int tries = 0;

	for (;;) {
		struct pollfd polled[3] = {
			{.fd = listener, .events = POLLIN},
			{.fd = host, .events = wants(&inward, &outward)},
			{.fd = worker, .events = wants(&outward, &inward)},
		};
		int connecting = host >= 0 && worker < 0, over = 0, next = -1;

		wait_for(polled, 3, connecting ? CONNECT_WAIT_MS : -1);
		if ((polled[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
			leave(BRIDGE_LISTENER);
		if (host >= 0)
			over |= carry(&polled[1], &inward, &outward);
		if (worker >= 0)
			over |= carry(&polled[2], &outward, &inward);
		if (connecting && !over) {
			worker = connect_worker();
			over = worker < 0 && ++tries > CONNECT_TRIES;
		}
		if ((polled[0].revents & POLLIN) != 0)
			next = accept_from(listener, cid);
		if (!over && next < 0)
			continue;
		if (host >= 0)
			sys(__NR_close, host);
		if (worker >= 0)
			sys(__NR_close, worker);
		empty(&inward);
		empty(&outward);
		host = next >= 0 ? next : -1;
		worker = -1;
		tries = 0;
	}
}

/* Gives up everything but its streams. The worker's folder lets this group in. */
static void become(uint32_t user)
{
	if (sys(__NR_setgroups, 0, 0) < 0 || sys(__NR_setresgid, user, user, user) < 0 ||
	    sys(__NR_setresuid, user, user, user) < 0 || sys(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1) < 0 ||
	    sys(__NR_prctl, PR_SET_DUMPABLE, 0) < 0)
		leave(BRIDGE_LISTENER);
}
