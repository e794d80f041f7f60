import dns, { type LookupAddress, type LookupAllOptions, type LookupOneOptions } from 'node:dns';
import { isIP } from 'node:net';

type Done = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/**
 * Makes a host name lead to this machine, so that Metertap takes a local upstream for one that it knows by its host.
 * Until it is disposed, every other name leads nowhere: no test reaches out.
 */
export function leadToLoopback(host: string): Disposable {
  const original = dns.lookup;
  const lookUp = (name: string, options: LookupOneOptions | LookupAllOptions, done: Done) => {
    if (name !== host && name !== 'localhost' && isIP(name) === 0) {
      done(new Error(`a test must not look up ${name}`), '');
      return;
    }
    original(isIP(name) === 0 ? '127.0.0.1' : name, options, done);
  };
  Reflect.set(dns, 'lookup', lookUp);
  return { [Symbol.dispose]: () => void Reflect.set(dns, 'lookup', original) };
}
