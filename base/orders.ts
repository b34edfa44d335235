// Orders to a thread that blocks in the kernel: its event loop does not run, so it takes what was sent by itself, when its
// bell has rung. Promises: in the order of sending, and none is left behind.
// Refuses: to wait, and to know what an order means.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** Whoever sends has the union of orders as its type, so that the cast holds. */
export function takeOrders<Order>(port: MessagePort, obey: (order: Order) => void): void {
  for (;;) {
    const received = receiveMessageOnPort(port) as { message: Order } | undefined;
    if (!received) return;
    obey(received.message);
  }
}
