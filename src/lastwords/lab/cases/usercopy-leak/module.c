// SPDX-License-Identifier: Apache-2.0
#include <linux/uaccess.h>
#include "../lab.h"

struct status {
	char text[48];
};

static keep_frame int report_status(struct status *status, unsigned long size)
{
	return copy_to_user((void __user *)current->mm->start_stack, status, READ_ONCE(size))
		   ? -EFAULT
		   : 0;
}

static keep_frame int query(void)
{
	struct status *status = kzalloc(sizeof(*status), GFP_KERNEL);
	if (!status)
		return -ENOMEM;
	report_status(status, 1024);
	kfree(status);
	return 0;
}

CRASH_ON_WRITE(query);
