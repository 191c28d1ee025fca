/** Every variable Heed reads, with what it must look like and the sentence that says so. */

import { z } from 'zod';
import { inLines, isRsaKey } from './certificate.ts';
import { headersIn } from './collector.ts';
import { crossings, isHttpsOrHere, isWellCoded, namesIn, sslModes, type Crossing } from './encryption.ts';

/** A space behind it would stand in the middle of every link. */
const url = (schemes: string[], example: string) =>
  z
    .string()
    .trim()
    .refine(
      (text) => schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(text),
      `must be an address like ${example}`,
    )
    .refine(isWellCoded, 'must have a % written as %25, also in its password');
const databaseUrl = (example: string) =>
  url(['postgres', 'postgresql'], example)
    .refine(
      (text) => !URL.canParse(text) || sslModes.includes(new URL(text).searchParams.get('sslmode') ?? 'disable'),
      `must have an sslmode out of ${sslModes.join(', ')}`,
    )
    .optional();
const pem = z.string().transform(inLines);
/** `because`: what must not be readable on the way. */
const secureUrl = (example: string, because: string) =>
  url(['https', 'http'], example).refine(
    isHttpsOrHere,
    `must begin with https: ${because} must not be readable on the way (http only on this machine, for trying out)`,
  );
const count = (example: number) =>
  z.coerce.number(`must be a number like ${example}`).int(`must be a whole number like ${example}`);

/** Any of them may also be given as NAME_FILE, naming a file that holds it. */
export const Environment = z.object({
  PORT: count(4000).min(1, 'must be between 1 and 65535').max(65535, 'must be between 1 and 65535').default(4000),
  LISTEN_ON: z.union([z.ipv4(), z.ipv6()], 'must be an IP address of this machine like 127.0.0.1').optional(),
  PUBLIC_URL: url(['http', 'https'], 'https://heed.example.com')
    .refine(
      (text) => !URL.canParse(text) || /^[^/@]+:\/\/[^/?#@]+\/*$/.test(text),
      'must be a host name of its own, without a path, a name or a password: every page stands at the top of it, as in https://heed.example.com',
    )
    .optional(),
  TLS_CERT: pem.optional(),
  TLS_KEY: pem.optional(),
  UNENCRYPTED: z
    .string()
    .refine(
      (list) => namesIn(list).every((name) => crossings.some((crossing) => crossing === name)),
      `must be names out of ${crossings.join(', ')}, with commas between`,
    )
    .transform((list) => namesIn(list) as Crossing[])
    .optional(),
  HEED_DATA_DIR: z.string().startsWith('/', 'must be an absolute path').optional(),
  HEED_CONFIG: z.string().optional(),
  HEED_API_KEY: z.string().min(16, 'must have at least 16 characters').optional(),
  DATABASE_URL: databaseUrl('postgres://heed_work:secret@db:5432/heed'),
  DATABASE_OWNER_URL: databaseUrl('postgres://heed:secret@db:5432/heed'),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[\w.-]+:\d+$/, 'must be an address like temporal:7233')
    .optional(),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_CLI_PATH: z.string().optional(),
  TEMPORAL_UI_URL: url(['http', 'https'], 'http://localhost:8233').optional(),
  SMTP_URL: url(['smtp', 'smtps'], 'smtp://user:secret@mail.example.com:587')
    .refine((text) => URL.parse(text)?.hostname !== '', 'must name the mail server, as in smtp://example.com:587')
    .optional(),
  SMTP_RATE: count(30).min(1, 'must be at least 1 a second').default(30),
  DKIM_DOMAIN: z
    .string()
    .regex(/^([a-z0-9-]+\.)+[a-z0-9-]+$/i, 'must be a domain like example.com')
    .optional(),
  DKIM_SELECTOR: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/i, 'must be a name like heed2026')
    .optional(),
  DKIM_PRIVATE_KEY: pem.refine(isRsaKey, 'must be an RSA private key in PEM: -----BEGIN PRIVATE KEY-----…').optional(),
  SLACK_BOT_TOKEN: z
    .string()
    .regex(/^(xoxe\.)?xoxb-/, 'must start with xoxb-, or with xoxe.xoxb- where it ends by itself')
    .optional(),
  SLACK_SIGNING_SECRET: z.string().min(16, 'must have at least 16 characters').optional(),
  SLACK_API_URL: url(['http', 'https'], 'https://slack.com/api/')
    .refine(isHttpsOrHere, 'must begin with https: what is asked of people must not be readable on the way')
    .optional(),
  OIDC_ISSUER: secureUrl('https://login.example.com', 'who signs in').optional(),
  OIDC_CLIENT_ID: z.string().optional(),
  OIDC_CLIENT_SECRET: z.string().optional(),
  OIDC_ACR_VALUES: z.string().regex(/\S/, 'must be names like phr phrh, with a space between two').optional(),
  SIGN_IN_LINKS_DISABLED: z.enum(['true', 'false'], 'must be true or false').default('false'),
  SIGN_IN_SECOND_FACTOR_REQUIRED: z.enum(['true', 'false'], 'must be true or false').default('false'),
  OTEL_EXPORTER_OTLP_ENDPOINT: secureUrl('https://collector.example.com:4318', 'what happened').optional(),
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: secureUrl('https://collector.example.com:4318/v1/logs', 'what happened').optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .refine((text) => headersIn(text) !== undefined, 'must be a list like authorization=Bearer%20secret,tenant=heed')
    .optional(),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'], 'must be fatal, error, warn, info, debug or silent')
    .default('warn'),
  METRICS_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  METRICS_PORT: count(9464).min(1, 'must be between 1 and 65535').max(65535, 'must be between 1 and 65535').optional(),
  TRUSTED_PROXY_HOPS: count(0).min(0, 'must not be negative').default(0),
  RATE_LIMITING_DISABLED: z.enum(['true', 'false'], 'must be true or false').default('false'),
});
