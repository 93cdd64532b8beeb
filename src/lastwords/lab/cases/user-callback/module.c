// SPDX-License-Identifier: Apache-2.0
#include "../lab.h"

typedef int (*callback_t)(int);

struct request {
	u64 id;
	callback_t callback;
};

static keep_frame int run_callback(struct request *request)
{
	return READ_ONCE(request->callback)(5) + 1;
}

static keep_frame int submit(void)
{
	static struct request request;
	request.callback = (callback_t)current->mm->start_code;
	return run_callback(&request);
}

CRASH_ON_WRITE(submit);
