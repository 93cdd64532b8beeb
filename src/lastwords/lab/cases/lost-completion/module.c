// SPDX-License-Identifier: Apache-2.0
#include <linux/completion.h>
#include "../lab.h"

static DECLARE_COMPLETION(answered);

static keep_frame int send_command(void)
{
	wait_for_completion(&answered); /* nobody completes it */
	return 0;
}

static keep_frame int reset_device(void)
{
	return send_command();
}

CRASH_ON_WRITE(reset_device);
