// Messages to mutate, one or more of every form that the parser knows, and a generator of mutated bytes that
// is fast enough for a million of them: a seeded xorshift, no allocation for each input.
// Refuses: to be clever; it flips, cuts, copies and splices, and lets numbers do the rest.

export const SAMPLES: readonly string[] = [
  `<13>Nov 20 12:34:15 web1 app[123]: a plain message`,
  `<34>Oct 11 22:14:15 mymachine su: 'su root' failed`,
  `<13>Nov  9 12:34:15 db-2.example.org cron: (root) CMD (run-parts /etc/cron.hourly)`,
  `<165>1 2003-10-11T22:14:15.003Z host evntslog - ID47 [a@32473 iut="3" b="x\\]y"][c d="1"] \u{feff}text`,
  `<14>1 2026-11-20T12:34:15.123456+02:00 host app 42 - - text`,
  `<191>999 - - - - - -`,
  `<14>1 2026-11-20T12:34:15Z gw CheckPoint 12 - [action:"Accept"; flags:"16"; ifdir:"inbound"]`,
  `<14>1 2026-11-20T12:34:15Z esx vmkernel 12 - [Originator@6876 sub=Default opID=ab-1] text`,
  `<166>1 2026-11-20T12:34:15Z fw1 : %ASA-3-003164: TCP access denied`,
  `<13>2026-11-20 12:34:15,123 host CPPM_System 973 1 0 event_source=Snmp`,
  `<189>29: router1: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured from console`,
  `<190>290692: xr1 RP/0/RSP0/CPU0:Mar 15 10:20:30.123 UTC: ifmgr[234]: %PKT-3-UPDOWN : up`,
  `<189>94103: 51w2d: %DHCPD-6-ASSIGN: assigned`,
  `<134>wlc1: *spamApTask0: Mar 15 10:20:30.123: #CAPWAP-3-ERR: text`,
  `<134>1 1374543213.342705328 MX84 urls src=192.168.1.1:80`,
  `<45>date=2026-03-15 time=10:20:30 devname="fw1" devid=FG tz="-0700" type=traffic`,
  `time=1773570030|hostname=gw-1|severity=Low|product=Firewall|action=Drop`,
  `<13>CEF:0|Vendor|Product|1|2|name|5|rt=1773570030123 dvchost=waf1 msg=a b`,
  `<13>LEEF:2.0|Vendor|Product|1.0|ev|^|devTime=Mar 15 2026 10:20:30^dvchost=q1`,
  `<38>Mar 15 10:20:30 Message forwarded from aix1: sshd[123]: Accepted`,
  `<165>Mar 15 10:20:30 relay Mar 15 10:20:29 ise1 CISE_Passed 0001 4 0 2026-03-15 10:20:29.1 +00:00 x`,
  `<166>Mar 15 10:20:30 slot1/bigip-1 notice tmsh[16322]: 01420002:5: AUDIT`,
  `<134> 03/15/2026:10:20:30 GMT ns1 0-PPE-0 : default TCP CONN 123 0 : text`,
  `<30>Mar 15 10:20:30 ("U7LT,f09fc2000000,v3.9.3.7537") hostapd: ath0: STA`,
  `<5>Mar 15 10:20:30 [node-01:callhome.down:notice]: text`,
  `<0>1990 Oct 22 10:52:01 TZ-6 scapegoat.example.org sched[0]: That's All Folks!`,
  `<6>AUG 10 22:18:24 2009  netips-warden2-p [audit] user=[*SMS]`,
  `<13>Feb 29 23:59:60 2001:db8::1 prog: \u00fcml\u00e4ut`,
  `<14>Mar 15 10:20:30 PA-220 1,2026/03/15 10:20:30,0018,TRAFFIC,end`,
  `<13>last message repeated 5 times`,
  `<13>myapp: 2026-03-15 10:20:30 ERROR text`,
  `no header at all`,
  `<>`,
];

/** Xorshift (Marsaglia 2003, 32 bits): the whole run follows from its seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** 0 to below - 1. */
  roll(below: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % below;
  }
}

/** Bytes that decide how a header is read: they are worth more than chance gives them. */
const TELLING = Buffer.from('<>:[]|=" -.,*%0123456789TZ+\\\n\r\0\t{}()/#');

/** Writes one mutated message at `out[at]` and returns its end. At most `MUTANT_MAX` bytes. */
export function mutate(dice: Dice, samples: readonly Uint8Array[], out: Uint8Array, at: number): number {
  const sample = samples[dice.roll(samples.length)] as Uint8Array;
  out.set(sample, at);
  let end = at + sample.length;
  for (let count = dice.roll(4); count > 0; count--) end = mutateOnce(dice, samples, out, at, end);
  return end;
}

export const MUTANT_MAX = 1024;

function mutateOnce(
  dice: Dice,
  samples: readonly Uint8Array[],
  out: Uint8Array,
  at: number,
  end: number,
): number {
  const length = end - at;
  const p = at + (length === 0 ? 0 : dice.roll(length));
  switch (dice.roll(7)) {
    case 0:
      out[p] = dice.roll(256);
      return length === 0 ? at + 1 : end;
    case 1:
      out[p] = TELLING[dice.roll(TELLING.length)] as number;
      return length === 0 ? at + 1 : end;
    case 2:
      return p;
    case 3:
      out.copyWithin(p, p + 1, end);
      return Math.max(at, end - 1);
    case 4:
      out.copyWithin(p + 1, p, end);
      out[p] = TELLING[dice.roll(TELLING.length)] as number;
      return end + 1;
    case 5: {
      const size = Math.min(dice.roll(24), end - p);
      out.copyWithin(p + size, p, end);
      return end + size;
    }
    default: {
      const other = samples[dice.roll(samples.length)] as Uint8Array;
      const from = dice.roll(other.length);
      out.set(other.subarray(from), p);
      return p + other.length - from;
    }
  }
}
