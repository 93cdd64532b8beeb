// SPDX-License-Identifier: Apache-2.0
// Starts a camera whose format was never negotiated, and hands the NULL down to media_core.
#include "../lab.h"

struct stream_format;
extern int start_stream(const struct stream_format *format, u32 buffers); /* of media_core */

struct camera {
	char name[24];
	struct stream_format *format; /* at 0x18 */
	u32 buffers;
};

static keep_frame int start_camera(struct camera *camera)
{
	int err = start_stream(camera->format, camera->buffers);

	if (err)
		pr_err("webcam_mod: %s does not start: %d\n", camera->name, err);
	return err;
}

static keep_frame int open_camera(void)
{
	static struct camera camera = { .name = "front", .buffers = 4 };

	return start_camera(&camera);
}

CRASH_ON_WRITE(open_camera);
