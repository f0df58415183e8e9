/*
 * nsm-cuse PORT: a Nitro Security Module for a simulated machine (DESIGN section 9). It registers /dev/nsm with the call of
 * the kernel's own driver (drivers/misc/nsm.c) and carries each message to whoever is behind a virtio-serial port: the
 * registers and the key are outside this machine, as on the real one.
 *
 * Messages on the port: a big-endian u32 length, then the message; one answer for each request, in order. One request is
 * under way at a time, as in the driver. Whoever may open the device is decided by its owner and mode, which init sets.
 *
 * It ends when the port ends or breaks these rules, and init then ends the machine.
 */
#define SYS_PROGRAM
#include "sys.h"

#include <asm/fcntl.h>
#include <linux/fuse.h>
#include <linux/uio.h>

/* _IOWR(0x0A, 0, struct nsm_raw): a request and a response buffer. */
#define NSM_IOCTL_RAW 0xc0200a00u
#define NSM_REQUEST_MAX 0x1000
#define NSM_RESPONSE_MAX 0x3000

struct nsm_raw {
	struct fuse_ioctl_iovec request, response;
};

/* The kernel refuses to fill less than this (fuse_dev_do_read), and a request with its header fits well. */
#define CHANNEL_READ_MAX (64 * 1024)

struct reply {
	struct fuse_out_header header;
	struct fuse_ioctl_out ioctl;
	union {
		struct fuse_ioctl_iovec areas[4];
		struct {
			struct nsm_raw raw;
			unsigned char response[NSM_RESPONSE_MAX];
		} answer;
	};
};

static unsigned char message[CHANNEL_READ_MAX];
static struct reply reply;
static unsigned char spill[4096];
static int channel, port;

enum { NO_CHANNEL = 10, NO_PORT, CHANNEL_ENDED, CHANNEL_REFUSED, PORT_ENDED, PORT_PROTOCOL };

static void send_reply(uint64_t unique, int error, size_t body)
{
	reply.header.len = (uint32_t)(sizeof(reply.header) + body);
	reply.header.error = -error;
	reply.header.unique = unique;

	sys_result written = sys(__NR_write, channel, &reply, reply.header.len);

	/* ENOENT: whoever asked has been interrupted and is gone. Everything else is a mistake in here. */
	if (written < 0 && written != -ENOENT)
		leave(CHANNEL_REFUSED);
}

static void send_bytes(uint64_t unique, const void *body, size_t length)
{
	memcpy((unsigned char *)&reply + sizeof(reply.header), body, length);
	send_reply(unique, 0, length);
}

static void register_device(uint64_t unique, const struct cuse_init_in *in)
{
	static const char name[] = "DEVNAME=nsm";
	struct {
		struct cuse_init_out out;
		char name[sizeof(name)];
	} body = {
		.out = {
			.major = FUSE_KERNEL_VERSION,
			.minor = in->minor < FUSE_KERNEL_MINOR_VERSION ? in->minor : FUSE_KERNEL_MINOR_VERSION,
			/* The call's argument points to two further buffers: only this mode can follow them. */
			.flags = CUSE_UNRESTRICTED_IOCTL,
			.max_read = 4096,
			.max_write = 4096,
		},
	};

	memcpy(body.name, name, sizeof(name));
	send_bytes(unique, &body, sizeof(body.out) + sizeof(name));
}

static void port_read(void *to, size_t length)
{
	unsigned char *at = to;

	while (length > 0) {
		sys_result got = sys(__NR_read, port, at, length);

		if (got == -EINTR)
			continue;
		if (got <= 0)
			leave(PORT_ENDED);
		at += got;
		length -= (size_t)got;
	}
}

/* Returns the length of the response, which is longer than what was kept where it did not fit. */
static size_t exchange(const void *request, size_t length, unsigned char *response, size_t space)
{
	unsigned char head[4] = {0, 0, (unsigned char)(length >> 8), (unsigned char)length};

	if (write_all(port, head, sizeof(head)) < 0 || write_all(port, request, length) < 0)
		leave(PORT_ENDED);
	port_read(head, sizeof(head));

	size_t answer = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	size_t kept = answer < space ? answer : space;

	if (answer > NSM_RESPONSE_MAX)
		leave(PORT_PROTOCOL);
	port_read(response, kept);
	for (size_t rest = answer - kept; rest > 0;) {
		size_t part = rest < sizeof(spill) ? rest : sizeof(spill);

		port_read(spill, part);
		rest -= part;
	}
	return answer;
}

/* Asks the kernel to call again with these areas of the caller's memory copied in, and those ready to be written. */
static void ask_again(uint64_t unique, const struct fuse_ioctl_iovec *areas, uint32_t in, uint32_t out)
{
	reply.ioctl = (struct fuse_ioctl_out){.flags = FUSE_IOCTL_RETRY, .in_iovs = in, .out_iovs = out};
	memcpy(reply.areas, areas, (in + out) * sizeof(*areas));
	send_reply(unique, 0, sizeof(reply.ioctl) + (in + out) * sizeof(*areas));
}

/*
 * Three rounds, told apart by the sizes that the kernel got from the last one: nothing yet, then the structure at `arg`,
 * then the structure with the request behind it. The caller can change its memory between two of them, so the last
 * round believes only itself.
 */
static void control(uint64_t unique, const struct fuse_ioctl_in *in, size_t length)
{
	const unsigned char *data = (const unsigned char *)(in + 1);
	const struct fuse_ioctl_iovec argument = {in->arg, sizeof(struct nsm_raw)};
	struct nsm_raw raw;

	if (in->cmd != NSM_IOCTL_RAW || length != in->in_size) {
		send_reply(unique, EINVAL, 0);
		return;
	}
	if (in->in_size == 0) {
		ask_again(unique, &argument, 1, 0);
		return;
	}
	if (in->in_size < sizeof(raw)) {
		send_reply(unique, EINVAL, 0);
		return;
	}
	memcpy(&raw, data, sizeof(raw));
	if (raw.request.len > NSM_REQUEST_MAX) {
		send_reply(unique, EMSGSIZE, 0);
		return;
	}

	/* More than a response's longest is never written. */
	uint64_t space = raw.response.len < NSM_RESPONSE_MAX ? raw.response.len : NSM_RESPONSE_MAX;

	if (in->out_size == 0) {
		struct fuse_ioctl_iovec areas[4] = {argument, raw.request, argument, {raw.response.base, space}};

		ask_again(unique, areas, 2, 2);
		return;
	}
	if (in->in_size != sizeof(raw) + raw.request.len || in->out_size != sizeof(raw) + space) {
		send_reply(unique, EINVAL, 0);
		return;
	}

	uint64_t answered = exchange(data + sizeof(raw), raw.request.len, reply.answer.response, space);

	/* The driver gives what fits, and says how much that is. */
	raw.response.len = answered < space ? answered : space;
	reply.ioctl = (struct fuse_ioctl_out){0};
	reply.answer.raw = raw;
	send_reply(unique, 0, sizeof(reply.ioctl) + sizeof(raw) + raw.response.len);
	erase(&reply.answer, sizeof(reply.answer));
}

static void serve(const struct fuse_in_header *header, size_t length)
{
	const void *body = header + 1;
	size_t rest = length - sizeof(*header);

	switch (header->opcode) {
	case CUSE_INIT:
		if (rest < sizeof(struct cuse_init_in))
			leave(CHANNEL_REFUSED);
		register_device(header->unique, body);
		break;
	case FUSE_OPEN:
		send_bytes(header->unique, &(struct fuse_open_out){0}, sizeof(struct fuse_open_out));
		break;
	case FUSE_RELEASE:
	case FUSE_FLUSH:
		send_reply(header->unique, 0, 0);
		break;
	case FUSE_IOCTL:
		if (rest < sizeof(struct fuse_ioctl_in))
			leave(CHANNEL_REFUSED);
		control(header->unique, body, rest - sizeof(struct fuse_ioctl_in));
		break;
	case FUSE_READ:
	case FUSE_WRITE:
		send_reply(header->unique, EINVAL, 0);
		break;
	case FUSE_INTERRUPT:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		/* These take no answer. An exchange under way ends by itself: the other side always answers. */
		break;
	default:
		send_reply(header->unique, ENOSYS, 0);
	}
}

static int program(int argc, char **argv, char **envp)
{
	(void)envp;
	if (argc != 2 || (port = (int)sys(__NR_open, argv[1], O_RDWR | O_CLOEXEC)) < 0)
		return NO_PORT;
	if ((channel = (int)sys(__NR_open, "/dev/cuse", O_RDWR | O_CLOEXEC)) < 0)
		return NO_CHANNEL;
	for (;;) {
		sys_result got = sys(__NR_read, channel, message, sizeof(message));

		if (got == -EINTR || got == -EAGAIN || got == -ENOENT)
			continue;
		if (got < (sys_result)sizeof(struct fuse_in_header))
			return CHANNEL_ENDED;
		serve((const struct fuse_in_header *)message, (size_t)got);
		erase(message, (size_t)got);
	}
}
