/** What crosses a network is encrypted, or whoever runs it has said by name that it need not be. Told by what addresses say: nobody is asked. */

/** What may be named in UNENCRYPTED: the ways to Postgres, Temporal and the mail server, and to us, for people and for those who watch. */
export const crossings = ['database', 'temporal', 'mail', 'web', 'metrics'] as const;
export type Crossing = (typeof crossings)[number];

/** The names in UNENCRYPTED, known or not. */
export const namesIn = (list: string): string[] =>
  list
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);

/** Whether a host, as it stands in an address, is this machine for certain: a loopback address, or a folder with a socket. */
export const isThisMachine = (host: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|\/.*|%2f.*)$/i.test(host);

/** Of an address of the web; what can't be read is said elsewhere. */
export const isHttpsOrHere = (text: string): boolean =>
  !URL.canParse(text) || text.startsWith('https:') || isThisMachine(new URL(text).hostname);

/** Whether each % in an address begins a code. Of those who read it else one takes it as it stands, and another gives up without a word of it. */
export function isWellCoded(text: string): boolean {
  try {
    return typeof decodeURIComponent(text) === 'string';
  } catch {
    return false;
  }
}

/** Of an address of Postgres. "allow" and "prefer" would do without encryption where the server does. */
export const sslModes = ['disable', 'no-verify', 'require', 'verify-ca', 'verify-full'];

export interface Addresses {
  databaseUrl?: string | undefined;
  databaseOwnerUrl?: string | undefined;
  /** Where node-postgres goes when the address names no host. */
  databaseHost?: string | undefined;
  temporalAddress?: string | undefined;
  temporalTls: boolean;
  smtpUrl?: string | undefined;
  publicUrl?: string | undefined;
}

/** What would cross a network unencrypted, or encrypted for whoever answers: each with a sentence that says what to write instead. */
export function exposed(addresses: Addresses): { crossing: Crossing; sentence: string }[] {
  const sentences: Partial<Record<Crossing, string | undefined>> = {
    database:
      ofDatabase('DATABASE_URL', addresses.databaseUrl, addresses) ??
      ofDatabase('DATABASE_OWNER_URL', addresses.databaseOwnerUrl, addresses),
    temporal: ofTemporal(addresses),
    mail: ofMail(addresses),
    web: ofWeb(addresses),
  };
  return crossings.flatMap((crossing) => {
    const sentence = sentences[crossing];
    return sentence ? [{ crossing, sentence }] : [];
  });
}

/** What lets things be as they are, to be copied: with what is let be already. */
export const lettingBe = (allowed: readonly string[], more: readonly Crossing[]): string =>
  `Where the network between is your own and nobody else's, this lets it be: UNENCRYPTED=${[...new Set([...allowed, ...more])].join(',')}`;

function ofDatabase(name: string, address: string | undefined, { databaseHost }: Addresses): string | undefined {
  const url = parsed(address);
  if (!url) return undefined;
  // node-postgres goes by the second where there are two, slonik by the first.
  const named = [url.hostname, ...url.searchParams.getAll('host')].filter(Boolean);
  const elsewhere = (named.length > 0 ? named : [databaseHost || 'localhost']).find((host) => !isThisMachine(host));
  const mode = url.searchParams.get('sslmode');
  if (!elsewhere || ['require', 'verify-ca', 'verify-full'].includes(mode ?? '')) return undefined;
  const how = mode === 'no-verify' ? 'encrypted for whoever answers there' : 'unencrypted';
  const what = mode
    ? `write sslmode=verify-full in place of sslmode=${mode}`
    : `add ${url.search ? '&' : '?'}sslmode=verify-full at its end`;
  return `${name} leads to ${elsewhere}, another machine, ${how}: ${what}, and &sslrootcert=/path/to/ca.pem behind that where its certificate is of an authority of your own.`;
}

function ofTemporal({ temporalAddress, temporalTls }: Addresses): string | undefined {
  const host = temporalAddress?.replace(/:\d+$/, '');
  if (!host || temporalTls || isThisMachine(host)) return undefined;
  return `TEMPORAL_ADDRESS leads to ${host}, another machine, unencrypted: set TEMPORAL_TLS=true, and TEMPORAL_TLS_SERVER_CA_CERT_PATH=/path/to/ca.pem where its certificate is of an authority of your own.`;
}

function ofMail({ smtpUrl }: Addresses): string | undefined {
  const url = parsed(smtpUrl);
  const host = url && hostOfMail(url);
  if (!host || isThisMachine(host)) return undefined;
  const plain = ['ignoreTLS=true', 'requireTLS=false', 'opportunisticTLS=true', 'tls.rejectUnauthorized=false'].find(
    (option) => {
      const [name = '', value] = option.split('=');
      return url.searchParams.get(name) === value && (name.startsWith('tls.') || url.protocol === 'smtp:');
    },
  );
  if (!plain) return undefined;
  const how = plain.startsWith('tls.') ? 'encrypted for whoever answers there' : 'unencrypted';
  return `SMTP_URL leads to ${host}, another machine, and ${plain} lets letters go there ${how}: take that out of it.`;
}

function ofWeb({ publicUrl }: Addresses): string | undefined {
  const url = parsed(publicUrl);
  if (url?.protocol !== 'http:' || isThisMachine(url.hostname)) return undefined;
  return `PUBLIC_URL is ${url.origin}: what people read and press there would cross the network unencrypted. Put a proxy with TLS before the web, or give it a certificate (TLS_CERT and TLS_KEY), and write https.`;
}

/** `smtpUrl` with STARTTLS demanded where it leads to another machine without TLS from the first byte: else nodemailer does without where the
 *  server does not offer it, or somebody in between says so in its name. */
export function demandingTls(smtpUrl: string): string {
  const url = new URL(smtpUrl);
  if (url.protocol !== 'smtp:' || isThisMachine(hostOfMail(url))) return smtpUrl;
  url.searchParams.set('requireTLS', 'true');
  return url.href;
}

/** As nodemailer reads it. */
const hostOfMail = (url: URL): string => url.hostname || url.searchParams.get('host') || 'localhost';

/** `databaseUrl` in words of which all who read it make the same: node-postgres has always taken "require" and "verify-ca" for "verify-full", and
 *  says that its next version will not. */
export function saidInFull(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  if (!['require', 'verify-ca'].includes(url.searchParams.get('sslmode') ?? '')) return databaseUrl;
  url.searchParams.set('sslmode', 'verify-full');
  return url.href;
}

/** What can't be read is said elsewhere. */
const parsed = (text: string | undefined): URL | undefined =>
  text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
