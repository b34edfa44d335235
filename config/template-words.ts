// The words that a file path may hold in braces: `{host}/auth-{date}.log`. Declared once, for the check, the
// docs, the explainer and the thread that fills them in. The words of time are those of the receipt, by the
// server's clock and zone: the time in a message is the sender's word, and must not choose the file.

export const TEMPLATE_WORDS = {
  host: {
    means: 'Host name in the message; the address of the sender when it names none.',
    example: 'mhenimerz2c',
  },
  fromHostIp: { means: 'Address of the host that the message came from.', example: '172.31.101.79' },
  program: { means: 'Program in the message, without its process id.', example: 'sshd' },
  facility: { means: 'Facility by name.', example: 'authpriv' },
  severity: { means: 'Severity by name.', example: 'info' },
  date: { means: 'Day of the receipt.', example: '2026-11-20' },
  year: { means: 'Year of the receipt.', example: '2026' },
  month: { means: 'Month of the receipt, two digits.', example: '11' },
  day: { means: 'Day of the month of the receipt, two digits.', example: '20' },
  hour: { means: 'Hour of the receipt, 00 to 23.', example: '12' },
} as const satisfies Record<string, { means: string; example: string }>;

export type TemplateWord = keyof typeof TEMPLATE_WORDS;
