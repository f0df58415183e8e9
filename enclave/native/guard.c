/*
 * guard.node: what the worker needs of the kernel and cannot have from Node. Six calls, fixed: two devices that take
 * ioctls, the processor's random numbers, and three ways to give up rights. None of them can open, write or start
 * anything. A foreign-function library would let any code in the process call any function of it.
 *
 * Every call checks its arguments and answers with a number - zero or minus an errno - or, from a device, with bytes.
 * Wrong use is -EINVAL, never a crash. The TypeScript beside this (enclave/worker/native.ts) turns numbers into errors.
 */
#include "sys.h"

#include <linux/mman.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/seccomp.h>
#include <linux/signal.h>

/*
 * The part of Node-API that is used here, which node resolves when it loads this file. Its binary interface is stable
 * across versions of Node; the declarations are ours so that a build needs no headers of Node.
 */
typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_deferred__ *napi_deferred;
typedef struct napi_async_work__ *napi_async_work;
typedef struct napi_callback_info__ *napi_callback_info;
typedef int napi_status;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
typedef void (*napi_execute)(napi_env, void *);
typedef void (*napi_complete)(napi_env, napi_status, void *);

enum { NAPI_OK = 0, NAPI_UINT8_ARRAY = 1, NAPI_VERSION = 8 };

extern napi_status napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
extern napi_status napi_set_named_property(napi_env, napi_value, const char *, napi_value);
extern napi_status napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
extern napi_status napi_get_value_double(napi_env, napi_value, double *);
extern napi_status napi_is_typedarray(napi_env, napi_value, _Bool *);
extern napi_status napi_get_typedarray_info(napi_env, napi_value, int *, size_t *, void **, napi_value *, size_t *);
extern napi_status napi_create_int32(napi_env, int32_t, napi_value *);
extern napi_status napi_create_string_utf8(napi_env, const char *, size_t, napi_value *);
extern napi_status napi_create_arraybuffer(napi_env, size_t, void **, napi_value *);
extern napi_status napi_create_typedarray(napi_env, int, size_t, napi_value, size_t, napi_value *);
extern napi_status napi_create_promise(napi_env, napi_deferred *, napi_value *);
extern napi_status napi_resolve_deferred(napi_env, napi_deferred, napi_value);
extern napi_status napi_create_async_work(napi_env, napi_value, napi_value, napi_execute, napi_complete, void *,
					  napi_async_work *);
extern napi_status napi_queue_async_work(napi_env, napi_async_work);
extern napi_status napi_delete_async_work(napi_env, napi_async_work);

static napi_value number(napi_env env, sys_result value)
{
	napi_value result = NULL;

	napi_create_int32(env, (int32_t)value, &result);
	return result;
}

struct bytes {
	unsigned char *at;
	size_t length;
};

/* Takes exactly `count` arguments: fewer and more are mistakes. */
static _Bool take_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values)
{
	size_t given = count;

	return napi_get_cb_info(env, info, &given, values, NULL, NULL) == NAPI_OK && given == count;
}

static _Bool take_integer(napi_env env, napi_value value, double least, double most, double *result)
{
	if (napi_get_value_double(env, value, result) != NAPI_OK)
		return 0;
	/* Written so that NaN fails; the range comes first, because only then the conversion is defined. */
	return *result >= least && *result <= most && (double)(int64_t)*result == *result;
}

static _Bool take_descriptor(napi_env env, napi_value value, int *fd)
{
	double result;

	if (!take_integer(env, value, 0, INT32_MAX, &result))
		return 0;
	*fd = (int)result;
	return 1;
}

/* A Uint8Array within bounds; one whose buffer was taken away has no length and fails, too. */
static _Bool take_bytes(napi_env env, napi_value value, size_t least, size_t most, struct bytes *result)
{
	_Bool is_array = 0;
	int type = -1;
	void *data = NULL;

	if (napi_is_typedarray(env, value, &is_array) != NAPI_OK || !is_array)
		return 0;
	if (napi_get_typedarray_info(env, value, &type, &result->length, &data, NULL, NULL) != NAPI_OK)
		return 0;
	result->at = data;
	return type == NAPI_UINT8_ARRAY && data != NULL && result->length >= least && result->length <= most;
}

/* Linux 6.8, include/uapi/linux/nsm.h; the driver before it has the same numbers. */
#define NSM_IOCTL 0xC0200A00UL
#define NSM_REQUEST_BYTES 0x1000
#define NSM_RESPONSE_BYTES 0x3000

struct nsm_message {
	uint64_t request, request_length, response, response_length;
};

/* include/uapi/linux/sev-guest.h, from Linux 5.19 on. */
#define SNP_GET_REPORT 0xC0205300UL
#define SNP_REPORT_DATA_BYTES 64
#define SNP_RESPONSE_BYTES 4000

struct snp_request {
	unsigned char report_data[SNP_REPORT_DATA_BYTES];
	uint32_t vmpl;
	unsigned char zero[28];
};

struct snp_message {
	uint8_t version;
	uint64_t request, response, error;
};

/*
 * One call to a device, made on a thread of Node's pool. It lives in pages of its own, apart from everything that
 * JavaScript can take away or change meanwhile, and they are erased before they are given back: a device's random bytes
 * become keys.
 */
struct job {
	napi_async_work work;
	napi_deferred deferred;
	sys_result (*call)(struct job *);
	int fd;
	uint32_t vmpl;
	size_t request_length;
	/* What the device answered: bytes in `response`, or minus an errno. */
	sys_result result;
	unsigned char request[NSM_REQUEST_BYTES];
	unsigned char response[NSM_RESPONSE_BYTES];
};

static sys_result device_call(int fd, unsigned long command, void *message)
{
	sys_result result;

	do {
		result = sys(__NR_ioctl, fd, command, message);
	} while (result == -EINTR);
	return result;
}

static sys_result nsm_call(struct job *job)
{
	struct nsm_message message = {
		.request = (uint64_t)job->request,
		.request_length = job->request_length,
		.response = (uint64_t)job->response,
		.response_length = NSM_RESPONSE_BYTES,
	};
	sys_result result = device_call(job->fd, NSM_IOCTL, &message);

	if (result < 0)
		return result;
	return message.response_length <= NSM_RESPONSE_BYTES ? (sys_result)message.response_length : -EPROTO;
}

static sys_result snp_call(struct job *job)
{
	struct snp_request request = { .vmpl = job->vmpl };
	struct snp_message message = { .version = 1, .request = (uint64_t)&request, .response = (uint64_t)job->response };
	sys_result result;

	memcpy(request.report_data, job->request, SNP_REPORT_DATA_BYTES);
	result = device_call(job->fd, SNP_GET_REPORT, &message);
	return result < 0 ? result : SNP_RESPONSE_BYTES;
}

static void run_job(napi_env env, void *data)
{
	struct job *job = data;

	(void)env;
	job->result = job->call(job);
}

static napi_value answer_of(napi_env env, const struct job *job)
{
	napi_value buffer = NULL, array = NULL;
	void *data = NULL;
	size_t length = (size_t)job->result;

	if (job->result < 0)
		return number(env, job->result);
	if (napi_create_arraybuffer(env, length, &data, &buffer) != NAPI_OK)
		return number(env, -ENOMEM);
	memcpy(data, job->response, length);
	if (napi_create_typedarray(env, NAPI_UINT8_ARRAY, length, buffer, 0, &array) != NAPI_OK)
		return number(env, -ENOMEM);
	return array;
}

static void release_job(struct job *job)
{
	erase(job, sizeof(*job));
	sys(__NR_munmap, job, sizeof(*job));
}

/* Also called where Node gives the work up: the environment is going down then, and nobody waits. */
static void finish_job(napi_env env, napi_status status, void *data)
{
	struct job *job = data;

	if (status == NAPI_OK)
		napi_resolve_deferred(env, job->deferred, answer_of(env, job));
	napi_delete_async_work(env, job->work);
	release_job(job);
}

static napi_value start_job(napi_env env, sys_result (*call)(struct job *), int fd, struct bytes request, uint32_t vmpl)
{
	napi_value promise = NULL, name = NULL;
	sys_result page = sys(__NR_mmap, 0, sizeof(struct job), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct job *job = (struct job *)page;

	if (page < 0)
		return number(env, page);
	job->call = call;
	job->fd = fd;
	job->vmpl = vmpl;
	job->request_length = request.length;
	memcpy(job->request, request.at, request.length);
	if (napi_create_string_utf8(env, "proofmark:device", 16, &name) == NAPI_OK &&
	    napi_create_async_work(env, NULL, name, run_job, finish_job, job, &job->work) == NAPI_OK) {
		if (napi_create_promise(env, &job->deferred, &promise) == NAPI_OK &&
		    napi_queue_async_work(env, job->work) == NAPI_OK)
			return promise;
		napi_delete_async_work(env, job->work);
	}
	release_job(job);
	return number(env, -ENOMEM);
}

/* nsmExchange(fd, request): a promise of the response. */
static napi_value nsm_exchange(napi_env env, napi_callback_info info)
{
	napi_value values[2];
	struct bytes request;
	int fd;

	if (!take_arguments(env, info, 2, values) || !take_descriptor(env, values[0], &fd) ||
	    !take_bytes(env, values[1], 1, NSM_REQUEST_BYTES, &request))
		return number(env, -EINVAL);
	return start_job(env, nsm_call, fd, request, 0);
}

/* sevReport(fd, reportData, vmpl): a promise of the driver's response, with the header and the report in it. */
static napi_value sev_report(napi_env env, napi_callback_info info)
{
	napi_value values[3];
	struct bytes request;
	double vmpl;
	int fd;

	if (!take_arguments(env, info, 3, values) || !take_descriptor(env, values[0], &fd) ||
	    !take_bytes(env, values[1], SNP_REPORT_DATA_BYTES, SNP_REPORT_DATA_BYTES, &request) ||
	    !take_integer(env, values[2], 0, 3, &vmpl))
		return number(env, -EINVAL);
	return start_job(env, snp_call, fd, request, (uint32_t)vmpl);
}

#define RANDOM_BYTES 4096
/* Intel's guide: ten tries in a row fail on a broken processor only. */
#define RANDOM_TRIES 10

static _Bool has_rdrand(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (c >> 30) & 1;
}

/*
 * Some AMD processors report success and give all ones after a sleep; others might repeat a value. An honest source does
 * either once in 2^63 draws.
 */
static _Bool draw(uint64_t previous, uint64_t *value)
{
	for (int i = 0; i < RANDOM_TRIES; i++) {
		unsigned char ready;

		__asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(ready) : : "cc");
		if (ready && *value != 0 && *value != UINT64_MAX && *value != previous)
			return 1;
	}
	return 0;
}

/* hardwareRandom(target): fills it from RDRAND; -ENODEV where the processor has none. */
static napi_value hardware_random(napi_env env, napi_callback_info info)
{
	napi_value value;
	struct bytes target;
	uint64_t word = 0;

	if (!take_arguments(env, info, 1, &value) || !take_bytes(env, value, 1, RANDOM_BYTES, &target))
		return number(env, -EINVAL);
	if (!has_rdrand())
		return number(env, -ENODEV);
	for (size_t i = 0; i < target.length; i += sizeof(word)) {
		size_t left = target.length - i;

		if (!draw(word, &word))
			return number(env, -EIO);
		memcpy(target.at + i, &word, left < sizeof(word) ? left : sizeof(word));
	}
	erase(&word, sizeof(word));
	return number(env, 0);
}

struct limit {
	uint64_t soft, hard;
};

static sys_result set_limit(int resource, double value)
{
	/* From 2^63 on, and for Infinity: no limit. */
	uint64_t bound = value < 9223372036854775808.0 ? (uint64_t)value : RLIM64_INFINITY;
	struct limit limit = { bound, bound };

	return sys(__NR_prlimit64, 0, resource, &limit, NULL);
}

/* No core file, and nobody of the same user may read the memory, attach to it or see what it has open. */
static sys_result protect(void)
{
	sys_result result = set_limit(RLIMIT_CORE, 0);

	return result < 0 ? result : sys(__NR_prctl, PR_SET_DUMPABLE, 0);
}

/* protectProcess() */
static napi_value protect_process(napi_env env, napi_callback_info info)
{
	return number(env, take_arguments(env, info, 0, NULL) ? protect() : -EINVAL);
}

/* Puts every thread of the process under the filter, for good. */
static sys_result filter_calls(struct bytes program)
{
	struct sock_fprog filter = {
		.len = (unsigned short)(program.length / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)program.at,
	};
	sys_result result = sys(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1);

	if (result < 0)
		return result;
	result = sys(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
	/* A positive number is a thread that could not be put under it. */
	return result > 0 ? -ESRCH : result;
}

static _Bool take_filter(napi_env env, napi_value value, struct bytes *filter)
{
	const size_t size = sizeof(struct sock_filter);

	return take_bytes(env, value, size, BPF_MAXINSNS * size, filter) && filter->length % size == 0;
}

/* confineWorker(filter) */
static napi_value confine_worker(napi_env env, napi_callback_info info)
{
	napi_value value;
	struct bytes filter;
	sys_result result;

	if (!take_arguments(env, info, 1, &value) || !take_filter(env, value, &filter))
		return number(env, -EINVAL);
	result = protect();
	return number(env, result < 0 ? result : filter_calls(filter));
}

/* confineModel(dataBytes, addressSpaceBytes, filter) */
static napi_value confine_model(napi_env env, napi_callback_info info)
{
	const double most = __builtin_inf();
	napi_value values[3];
	struct bytes filter;
	double data, space;
	sys_result result;

	if (!take_arguments(env, info, 3, values) || napi_get_value_double(env, values[0], &data) != NAPI_OK ||
	    napi_get_value_double(env, values[1], &space) != NAPI_OK || !take_filter(env, values[2], &filter))
		return number(env, -EINVAL);
	if (!(data >= 0 && data <= most) || !(space >= 0 && space <= most))
		return number(env, -EINVAL);
	result = protect();
	if (result == 0)
		result = sys(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (result == 0)
		result = set_limit(RLIMIT_DATA, data);
	if (result == 0)
		result = set_limit(RLIMIT_AS, space);
	if (result == 0)
		result = filter_calls(filter);
	return number(env, result);
}

static _Bool export(napi_env env, napi_value exports, const char *name, napi_callback call)
{
	napi_value function;

	return napi_create_function(env, name, text_length(name), call, NULL, &function) == NAPI_OK &&
	       napi_set_named_property(env, exports, name, function) == NAPI_OK;
}

#define VISIBLE __attribute__((visibility("default")))

VISIBLE int32_t node_api_module_get_api_version_v1(void)
{
	return NAPI_VERSION;
}

/* Node reports a module without exports as one; a missing function shows at its first use. */
VISIBLE napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
	_Bool complete = export(env, exports, "nsmExchange", nsm_exchange) &&
			 export(env, exports, "sevReport", sev_report) &&
			 export(env, exports, "hardwareRandom", hardware_random) &&
			 export(env, exports, "protectProcess", protect_process) &&
			 export(env, exports, "confineWorker", confine_worker) &&
			 export(env, exports, "confineModel", confine_model);

	return complete ? exports : NULL;
}
