// The questions that a running server answers over its control socket.

import { type ControlPlace, type ControlServer, openControlSocket } from '../../base/control-socket.ts';
import type { Asked } from '../http/http.ts';
import type { Question } from './control.port.ts';

/** A Fault when it cannot be made: then nothing was left open. */
export function openControl(control: ControlPlace, asked: Asked): Promise<ControlServer> {
  const answers: Record<Question, () => unknown> = {
    status: () => asked.status(),
    senders: () => asked.senders(),
    clients: () => asked.clients(),
  };
  return openControlSocket(control, answers);
}
