// SPDX-License-Identifier: Apache-2.0
// Nobody fills in the request's descriptor; three calls further down it is used.
#include "../lab.h"

struct descriptor {
	u64 address;
	u64 next;
	u64 owner;
	u32 bytes; /* at 0x18 */
};

struct request {
	u64 tag;
	u64 sector;
	struct descriptor *descriptor;
	u32 bytes;
};

static keep_frame u32 request_bytes(struct request *request)
{
	return request->descriptor->bytes + request->bytes;
}

static keep_frame int submit_request(struct request *request)
{
	u32 bytes = request_bytes(request);

	pr_info("null_field: %u bytes to sector %llu\n", bytes, request->sector);
	return 0;
}

static keep_frame int write_sector(void)
{
	struct request *request = kzalloc(sizeof(*request), GFP_KERNEL);
	int err;

	if (!request)
		return -ENOMEM;
	request->tag = 7;
	request->sector = 4096;
	request->bytes = 512;
	err = submit_request(request);
	kfree(request);
	return err;
}

CRASH_ON_WRITE(write_sector);
