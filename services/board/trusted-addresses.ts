// The addresses of reverse proxies that are believed.

import { BlockList, isIP } from 'node:net'
import { InvalidValue } from '#shared/config/value-schemas.ts'

export interface TrustedAddresses {
  /** Whether the peer of a connection is one of them; IPv4 may come written as IPv6 (`::ffff:10.0.0.1`). */
  has(address: string | undefined): boolean
}

/** Reads `10.0.3.7, 172.18.0.0/16, fd00::/8`. @throws InvalidValue */
export function parseTrustedAddresses(text: string): TrustedAddresses {
  const list = new BlockList()
  for (const part of text.split(',').map((item) => item.trim())) {
    const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(part) ?? []
    const version = isIP(address)
    const length = bits === undefined ? undefined : Number(bits)
    if (version === 0 || (length !== undefined && length > (version === 4 ? 32 : 128))) {
      const problem = `holds «${part}», which is neither an address nor a network`
      throw new InvalidValue(problem, 'Write it like 172.18.0.0/16')
    }
    if (length === 0) {
      throw new InvalidValue(`holds «${part}», which is everybody`, 'Name the address of the proxy alone')
    }
    const family = version === 4 ? 'ipv4' : 'ipv6'
    if (length === undefined) list.addAddress(address, family)
    else list.addSubnet(address, length, family)
  }
  return {
    has(address) {
      const plain = (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
      const version = isIP(plain)
      return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
    },
  }
}
