// Numbers of <netinet/tcp.h> that a connection of our own uses. C names are kept letter for letter.

export const TCP = { TCP_QUICKACK: 12 } as const;
