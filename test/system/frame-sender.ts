// Sends whole frames as they are, in hexadecimal, through an interface: for tags and packets that no socket would make.
//
//   node frame-sender.js INTERFACE HEX…

import { listInterfaces } from '../../kernel/interfaces.ts';
import { send } from '../../kernel/libc.ts';
import { openPacketSocket } from '../../kernel/packet-socket.ts';

const [, , name, ...frames] = process.argv;
const found = listInterfaces();
const device = found.ok ? found.interfaces.find((one) => one.name === name) : undefined;
if (!device) throw new Error(`no interface ${String(name)}`);
const socket = openPacketSocket({ interfaceIndex: device.index, cooked: false });
if (!socket.ok) throw new Error(socket.error);
for (const frame of frames) {
  const bytes = Buffer.from(frame, 'hex');
  if (send(socket.fd, bytes, bytes.length, 0) !== bytes.length) throw new Error('a frame was not sent');
}
