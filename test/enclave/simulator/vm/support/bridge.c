/* The bridge of images in a process of its own, for tests: bridge SOCKET with the port as descriptor 3, or bridge SOCKET
 * PATH, which listens there as the other bridge listens on a vsock. */
#define SYS_PROGRAM
#include "sys.h"
#include "bridge.h"

static int program(int argc, char **argv, char **envp)
{
	(void)envp;
	if (argc < 2)
		return 64;
	worker_socket = argv[1];
	if (argc == 2) {
		sys(__NR_fcntl, 3, F_SETFL, O_RDWR | O_NONBLOCK);
		bridge_port(3);
	}

	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = (int)sys(__NR_socket, AF_UNIX, SOCK_STREAM | SOCK_FLAGS, 0);

	memcpy(address.sun_path, argv[2], text_length(argv[2]));
	if (sys(__NR_bind, listener, &address, sizeof(address)) < 0 || sys(__NR_listen, listener, 4) < 0)
		return 65;
	/* Peers on such a socket have no number: zero. */
	bridge_vsock(listener, 0);
}
