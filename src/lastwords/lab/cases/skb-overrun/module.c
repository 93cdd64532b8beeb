// SPDX-License-Identifier: Apache-2.0
#include <linux/skbuff.h>
#include "../lab.h"

static keep_frame int fill_reply(struct sk_buff *skb, unsigned int length)
{
	memset(skb_put(skb, length), 0, length);
	return 0;
}

static keep_frame int answer(void)
{
	struct sk_buff *skb = alloc_skb(128, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	fill_reply(skb, 4000);
	kfree_skb(skb);
	return 0;
}

CRASH_ON_WRITE(answer);
