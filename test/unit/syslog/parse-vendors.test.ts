// Headers that vendors write in place of host, time and tag, on the one port and with no configuration. The
// messages are of our own making after the forms in docs/parsing.md.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pick, type Reading, read } from './reading.ts';

const AT = '2026-03-15T10:20:30.000Z';
const AT_MS = '2026-03-15T10:20:30.123Z';

function expectEach(cases: readonly (readonly [message: string, expected: Reading])[]): void {
  for (const [message, expected] of cases) assert.deepEqual(pick(read(message), expected), expected, message);
}

describe('Cisco', () => {
  const link = { program: '%LINK-3-UPDOWN', message: 'Interface Gi0/1, changed state to up' };
  const text = '%LINK-3-UPDOWN: Interface Gi0/1, changed state to up';

  test('IOS: numbers, hosts, marks and zones before the mnemonic', () => {
    for (const [header, host] of [
      ['29: Mar 15 10:20:30.123', undefined],
      ['29: *Mar 15 10:20:30.123', undefined],
      ['29: 000031: .Mar 15 10:20:30.123 UTC', undefined],
      ['*Mar 15 10:20:30.123', undefined],
      ['29: r1: Mar 15 10:20:30.123', 'r1'],
      ['r1: 29: *Mar 15 11:20:30.123 CET', 'r1'],
      ['r1: 000029: Mar 15 2026 10:20:30.123 UTC', 'r1'],
      ['29: 10.1.1.1: Mar 15 10:20:30.123 XYZT', '10.1.1.1'],
      ['r1 29: Mar 15 10:20:30.123', 'r1'],
      ['r1: Mar 15 10:20:30.123', 'r1'],
      ['r1 Mar 15 10:20:30.123', 'r1'],
      [': 2026 Mar 15 11:20:30.123 CET', undefined],
      [': r1: 2026 Mar 15 10:20:30.123 UTC', 'r1'],
      [':Mar 15 10:20:30.123 UTC', undefined],
      ['82: cm1.example.com: Mar 15 2026 10:20:30.123 UTC ', 'cm1.example.com'],
      ['45: [syslog@9 s_sn="45"]: Mar 15 10:20:30.123', undefined],
      ['wlc1: wlc1: *Dot1x_Task_7: Mar 15 10:20:30.123', 'wlc1'],
    ] as const) {
      const { time, host: found, program, message, trouble } = read(`<189>${header}: ${text}`);
      assert.deepEqual(
        { time, host: found, program, message, trouble },
        { time: AT_MS, host, ...link, trouble: undefined },
        header,
      );
    }
  });

  test('no time at all, or the uptime, which stays in the text', () => {
    expectEach([
      [`<189>29: ${text}`, link],
      [`<187>sw1: ${text}`, { host: 'sw1', ...link }],
      [`<187>sw1 : ${text}`, { host: 'sw1', ...link }],
      [
        `<189>94103: 51w2d: ${text}`,
        { program: '%LINK-3-UPDOWN', isInText: true, message: `51w2d: ${text}` },
      ],
      [`<189>94103: 00:00:46: ${text}`, { program: '%LINK-3-UPDOWN', message: `00:00:46: ${text}` }],
    ]);
    assert.equal(read(`<189>94103: 51w2d: ${text}`).time, undefined);
    assert.equal(read(`<189>29: ${text}`).host, undefined);
  });

  test('ASA, FTD, ACI, XR, wireless controllers, Meraki, ISE', () => {
    expectEach([
      [
        '<166>Mar 15 2026 10:20:30 fw1 : %ASA-6-302013: Built',
        { time: AT, host: 'fw1', program: '%ASA-6-302013', message: 'Built' },
      ],
      ['<166>Mar 15 2026 10:20:30: %ASA-6-302013: Built', { time: AT, program: '%ASA-6-302013' }],
      [
        '<166>2026-03-15T10:20:30Z fw1 : %FTD-6-430003: x',
        { time: AT, host: 'fw1', program: '%FTD-6-430003' },
      ],
      ['<166>Mar 15 10:20:30 fw1 %ASA-6-302013: Built', { traditional: true, program: '%ASA-6-302013' }],
      [
        '<186>Mar 15 10:20:30 apic1 %LOG_LOCAL7-2-SYSTEM_MSG [F0110] x',
        { host: 'apic1', program: '%LOG_LOCAL7-2-SYSTEM_MSG', isInText: true },
      ],
      [
        '<190>29: RP/0/RSP0/CPU0:Mar 15 10:20:30.123 UTC: SSHD_[65935]: %SECURITY-SSHD-6-INFO : x',
        { time: AT_MS, program: 'SSHD_', procid: '65935', message: '%SECURITY-SSHD-6-INFO : x' },
      ],
      [
        '<190>29: xr1 RP/0/RSP0/CPU0:Mar 15 10:20:30 UTC: ifmgr[2]: %PKT-3-X: x',
        { host: 'xr1', program: 'ifmgr' },
      ],
      [
        '<134>wlc1: *spamTask0: Mar 15 10:20:30.123: #CAPWAP-3-ERR: x',
        { time: AT_MS, host: 'wlc1', program: '#CAPWAP-3-ERR' },
      ],
      [
        '<134>1 1773570030.123456789 MX84 urls src=1.1.1.1',
        { time: AT_MS, host: 'MX84', program: 'urls', message: 'urls src=1.1.1.1' },
      ],
      [
        '<165>Mar 15 10:20:31 ise1 CISE_Passed_Authentications 0001939187 4 0 2026-03-15 11:20:30.123 +01:00 x',
        { time: AT_MS, host: 'ise1', program: 'CISE_Passed_Authentications', isInText: true },
      ],
    ]);
    assert.equal(read('<190>29: RP/0/RSP0/CPU0:Mar 15 10:20:30 UTC: a[1]: x').host, undefined);
  });

  test('behind the header of a relay the device counts, and its time if that names its zone and is not doubted', () => {
    const twoOf = 'CISE_Passed_Authentications 0001939187 4 2 2026-01-01 00:00:00.000 +01:00 x';
    expectEach([
      [`<165>Mar 15 10:20:30 ise1 ${twoOf}`, { time: AT, host: 'ise1' }],
      [
        '<189>Mar 15 10:20:30 10.1.1.1 29: sw1: Mar 15 09:00:00: %SYS-5-X: y',
        { time: AT, host: 'sw1', program: '%SYS-5-X' },
      ],
      [
        '<189>Mar 15 10:20:30 r1 148094: %SYS-5-X: y',
        { time: AT, host: 'r1', program: '%SYS-5-X', message: '148094: %SYS-5-X: y' },
      ],
      [
        '<189>Mar 15 12:00:00 r1 148094: Mar 15 11:20:30.123 CET: %SYS-5-X: y',
        { time: AT_MS, host: 'r1', program: '%SYS-5-X' },
      ],
      [
        '<189>Mar 15 10:20:30 r1 148094: *Mar  1 00:00:12: %SYS-5-X: y',
        { time: AT, host: 'r1', program: '%SYS-5-X' },
      ],
      [
        '<165>Mar 15 10:20:30 relay Mar 15 09:00:00 web1 app[1]: y',
        { time: AT, host: 'web1', program: 'app', message: 'y' },
      ],
    ]);
  });

  test('a program that writes its own time is no router', () => {
    expectEach([
      [
        '<13>myapp: 2026-03-15 10:20:30 ERROR x',
        { time: AT, program: 'myapp', message: '2026-03-15 10:20:30 ERROR x' },
      ],
    ]);
    assert.equal(read('<13>myapp: 2026-03-15 10:20:30: x').host, undefined);
  });
});

describe('key=value', () => {
  test('FortiGate, SonicWall, Sophos, FortiWeb', () => {
    expectEach([
      [
        '<45>date=2026-03-15 time=10:20:30 devname="fw1" devid=F type=traffic hostname="www.example.com"',
        { time: AT, host: 'fw1', program: 'traffic' },
      ],
      ['<45>date=2026-03-15 time=03:20:30 devname=fw1 tz="-0700" type=event', { time: AT, host: 'fw1' }],
      [
        '<45>date=2026-03-15 time=13:20:30 device_id=FV1 timezone="(GMT+3:00)Baghdad" type=event',
        { time: AT, host: 'FV1' },
      ],
      [
        '<134>id=firewall sn=C0 time="2026-03-15 10:20:30 UTC" fw=10.1.1.1 pri=6',
        { time: AT, host: '10.1.1.1', program: 'firewall' },
      ],
      [
        '<30>device="SFW" date=2026-03-15 time=10:20:30 timezone="GMT" device_name="xg1" log_type="Firewall"',
        { time: AT, host: 'xg1', program: 'Firewall' },
      ],
      [
        '<30>device_name="xg1" timestamp="2026-03-15T11:20:30+0100" log_type="Firewall"',
        { time: AT, host: 'xg1' },
      ],
    ]);
    expectEach([
      [
        '<189>date=2026-03-15,time=10:20:30,devname=fw1,type=event',
        { time: AT, host: 'fw1', program: 'event' },
      ],
    ]);
    const whole = 'date=2026-03-15 time=10:20:30 devname=fw1 type=event msg="a b"';
    assert.equal(read(`<45>${whole}`).message, whole);
  });

  test('Check Point: pairs between bars, with or without a PRI', () => {
    expectEach([
      [
        'time=1773570030|hostname=gw1|severity=Low|product=URL Filtering|action=Drop',
        { time: AT, host: 'gw1', program: 'URL Filtering' },
      ],
      [
        '<134>time=1773570030|hostname=gw1|product=IPS|origin=1.1.1.1|2.2.2.2|x=y',
        { time: AT, host: 'gw1', program: 'IPS' },
      ],
    ]);
  });

  test('the device or the time is enough', () => {
    expectEach([
      ['<134>devname=fw1 action=deny', { format: 'vendor', host: 'fw1' }],
      ['<134>time="2026-03-15 10:20:30" action=deny', { format: 'vendor', time: AT }],
    ]);
  });

  test('pairs of anybody are text', () => {
    for (const text of ['foo=bar baz=1', 'level=info msg="started" hostname2=x', 'host=web1']) {
      assert.equal(read(`<13>${text}`).trouble, 'no_header', text);
    }
  });
});

describe('others', () => {
  test('CEF and LEEF with and without a header', () => {
    expectEach([
      [
        '<13>Mar 15 10:20:30 waf1 CEF:0|I|W|1|1|x|5|src=1',
        { host: 'waf1', program: 'CEF', message: 'CEF:0|I|W|1|1|x|5|src=1' },
      ],
      ['Mar 15 10:20:30 esa-1: CEF:0|Cisco|C|1|1|x|5|src=1', { host: 'esa-1', program: 'CEF' }],
      [
        '<13>CEF:0|I|W|1|1|a\\|b|5|rt=1773570030123 dvchost=waf1 msg=a b',
        { time: AT_MS, host: 'waf1', program: 'CEF' },
      ],
      [
        '<149>fenotify-8.warning: CEF:0|F|C|9|x|y|4|rt=Mar 15 2026 10:20:30 UTC dvchost=cms1',
        { time: AT, host: 'cms1', program: 'fenotify-8.warning' },
      ],
      [
        '<13>LEEF:2.0|V|P|1.0|ev|^|devTime=Mar 15 2026 10:20:30^dvchost=q1',
        { time: AT, host: 'q1', program: 'LEEF' },
      ],
    ]);
  });

  test('hosts that are wrapped', () => {
    expectEach([
      [
        '<38>Mar 15 10:20:30 Message forwarded from aix1: sshd[12]: x',
        { host: 'aix1', program: 'sshd', procid: '12', message: 'x' },
      ],
      [
        '<38>Mar 15 10:20:30 relay Message forwarded from aix1: sshd[12]: x',
        { host: 'aix1', program: 'sshd' },
      ],
      [
        '<166>Mar 15 10:20:30 slot1/bigip-1 notice tmsh[16]: 0142: AUDIT',
        { host: 'bigip-1', program: 'tmsh', isInText: true, message: 'notice tmsh[16]: 0142: AUDIT' },
      ],
      [
        '<166>Mar 15 10:20:30 bigip-1,f5_irule=Splunk-HSL,src_ip=1',
        { host: 'bigip-1', message: 'f5_irule=Splunk-HSL,src_ip=1' },
      ],
      [
        '<30>Mar 15 10:20:30 U7PG2,18e8295b9e66,v4.0.66.10832: hostapd: x',
        { host: '18e8295b9e66', program: 'hostapd', message: 'x' },
      ],
      [
        '<30>Mar 15 10:20:30 ("U7LT,f09fc2000000,v3.9.3.7537") hostapd: x',
        { host: 'f09fc2000000', program: 'hostapd' },
      ],
      [
        '<30>Mar 15 10:20:30 ap-1 f09fc2aabbcc,U7LT-4.3.21+11325: hostapd[3]: x',
        { host: 'ap-1', program: 'hostapd', isInText: true },
      ],
      ['<5>Mar 15 10:20:30 [node-01:callhome.down:notice]: x', { host: 'node-01', program: 'callhome.down' }],
      ['<114>Mar 15 10:20:30 [nss1] ZscalerNSS: x', { host: 'nss1', program: 'ZscalerNSS', message: 'x' }],
      ['<111>Mar 15 10:20:30solace1 event: SYSTEM: x', { time: AT, host: 'solace1', program: 'event' }],
      [
        '<14>2026-03-15 10:20:30,123, rsa-1, audit.admin, INFO',
        { time: AT_MS, host: 'rsa-1', message: 'audit.admin, INFO' },
      ],
      [
        '<134>1 2026-03-15T10:20:30Z 10.0.0.1 printer-3 - RICOH_MFPLP_ACCESS - {}',
        { host: 'printer-3', program: 'RICOH_MFPLP_ACCESS' },
      ],
      ['<23>ns5gt: NetScreen device_id=ns5gt x', { host: 'ns5gt' }],
      ['<184>SPEC-NTP-1: [system] Log daemon', { host: 'SPEC-NTP-1', message: '[system] Log daemon' }],
      ['<13>Mar 15 10:20:30 <auth.info> web1 sshd[1]: x', { host: 'web1', program: 'sshd' }],
    ]);
  });

  test('programs that carry no colon of a tag', () => {
    expectEach([
      [
        '<134> 03/15/2026:10:20:30 GMT ns1 0-PPE-0 : default TCP CONN 1 0 : x',
        { time: AT, host: 'ns1', program: 'TCP', isInText: true },
      ],
      [
        '<134>Mar 15 12:00:00 10.1.1.1 03/15/2026:10:20:30 GMT ns1 0-PPE-0 : TCP CONN 1 0 : x',
        { time: AT, host: 'ns1', program: 'TCP' },
      ],
      [
        '<14>Mar 15 10:20:30 PA-220 1,2026/03/15 10:20:30,0018,TRAFFIC,end',
        { host: 'PA-220', program: 'TRAFFIC' },
      ],
      [
        '<14>Mar 15 10:20:30  1,2026/03/15 10:20:30,0018,THREAT,end',
        { program: 'THREAT', message: '1,2026/03/15 10:20:30,0018,THREAT,end' },
      ],
      [
        '<134>Mar 15 10:20:30 mt1 firewall,info forward: in:ether1',
        { host: 'mt1', program: 'firewall', message: 'firewall,info forward: in:ether1' },
      ],
      ['<134>system,info,account user admin logged in', { program: 'system' }],
      [
        '<14> Mar 15 10:20:30 10.1.1.1 00076 ports:  port 1 on-line',
        { host: '10.1.1.1', program: 'ports', isInText: true },
      ],
      [
        '<14>Mar 15 10:20:30 win1 MSWinEventLog\t1\tSecurity',
        { host: 'win1', program: 'MSWinEventLog', isInText: true },
      ],
      [
        '<165>Mar 15 10:20:30 dt1 darktrace_audit {"a":1}',
        { host: 'dt1', program: 'darktrace_audit', message: 'darktrace_audit {"a":1}' },
      ],
      ['<13>Mar 15 10:20:30 v1 vectra_json_v2 -: {"a":1}', { host: 'v1', program: 'vectra_json_v2' }],
      ['<140>Mar 15 10:20:30 wg1 (2026-03-15T10:20:30) firewall: x', { host: 'wg1', program: 'firewall' }],
      [
        '<189>Mar 15 10:20:30 2026 h3c1 %%10IFNET/3/LINK_UPDOWN: x',
        { time: AT, host: 'h3c1', program: '%%10IFNET/3/LINK_UPDOWN', message: 'x' },
      ],
      [
        '<132>DefensePro: 15-03-2026 10:20:30 WARNING x',
        { time: AT, program: 'DefensePro', message: '15-03-2026 10:20:30 WARNING x' },
      ],
      ['2026-03-15 10:20:30\tRecordtype=Tunnel\tuser=x', { time: AT, message: 'Recordtype=Tunnel\tuser=x' }],
    ]);
  });

  test('what stands before the tag stays in the text', () => {
    expectEach([
      [
        '<27>Mar 15 10:20:30 ib1 10.0.0.1 named[12]: x',
        { host: 'ib1', program: 'named', procid: '12', message: '10.0.0.1 named[12]: x' },
      ],
      ['<14>Mar 15 10:20:30 ow1 daemon.info dnsmasq: x', { host: 'ow1', program: 'dnsmasq', isInText: true }],
      ['<14>Mar 15 10:20:30 user.info cms1 host:server: x', { host: 'cms1', program: 'host' }],
      [
        '<14>Mar 15 10:20:30 h1 vsftpd [12]: x',
        { host: 'h1', program: 'vsftpd', procid: '12', message: 'x' },
      ],
    ]);
  });

  test('host and a colon, or program and a colon', () => {
    expectEach([
      ['<13>Mar 15 10:20:30 web1.example.com: text', { host: 'web1.example.com', message: 'text' }],
      ['<13>Mar 15 10:20:30 10.1.1.1: text', { host: '10.1.1.1', message: 'text' }],
      ['<13>Mar 15 10:20:30 web-01: prog: text', { host: 'web-01', program: 'prog', message: 'text' }],
      ['<13>Mar 15 10:20:30 org.gnome.Shell: text', { program: 'org.gnome.Shell', message: 'text' }],
      ['<13>Mar 15 10:20:30 backup.sh: text', { program: 'backup.sh', message: 'text' }],
      ['<27>xapi: [error|xen3|15] text', { program: 'xapi', message: '[error|xen3|15] text' }],
      ['<27>ERROR: text', { trouble: 'no_header', message: 'ERROR: text' }],
    ]);
  });
});
