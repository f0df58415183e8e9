/* For tests: any system call, from inside of whatever place a test has put this addon in. */
#include "../../../enclave/native/sys.h"

typedef void *handle;
enum { OK = 0, ARGUMENTS = 7 };

extern int napi_create_function(handle, const char *, size_t, handle (*)(handle, handle), void *, handle *);
extern int napi_set_named_property(handle, handle, const char *, handle);
extern int napi_get_cb_info(handle, handle, size_t *, handle *, handle *, void **);
extern int napi_get_value_int64(handle, handle, int64_t *);
extern int napi_get_typedarray_info(handle, handle, int *, size_t *, void **, handle *, size_t *);
extern int napi_create_int64(handle, int64_t, handle *);

/* call(number, ...arguments): numbers as they are, byte arrays by their address. */
static handle call(handle env, handle info)
{
	handle values[ARGUMENTS], result = NULL;
	size_t count = ARGUMENTS;
	int64_t a[ARGUMENTS] = { 0 };

	napi_get_cb_info(env, info, &count, values, NULL, NULL);
	for (size_t i = 0; i < count && i < ARGUMENTS; i++) {
		void *data = NULL;

		if (napi_get_value_int64(env, values[i], &a[i]) == OK)
			continue;
		napi_get_typedarray_info(env, values[i], NULL, NULL, &data, NULL, NULL);
		a[i] = (int64_t)data;
	}
	napi_create_int64(env, sys6(a[0], a[1], a[2], a[3], a[4], a[5], a[6]), &result);
	return result;
}

/* A fault, as a broken engine has one. */
static handle crash(handle env, handle info)
{
	(void)env;
	__asm__ volatile("xor %%eax, %%eax; movl $1, (%%rax)" : : : "rax", "memory");
	return info;
}

__attribute__((visibility("default"))) handle napi_register_module_v1(handle env, handle exports)
{
	handle function;

	napi_create_function(env, "call", 4, call, NULL, &function);
	napi_set_named_property(env, exports, "call", function);
	napi_create_function(env, "crash", 5, crash, NULL, &function);
	napi_set_named_property(env, exports, "crash", function);
	return exports;
}
