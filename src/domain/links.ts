/** Addresses that open something for whoever has them. Their token stands behind '#', which no browser sends: neither a log on the way nor a page
 *  that is visited next learns of it. The one page at /t hands it over in the body of a request (src/web/assets/entrance.js). */

/** Address of the page behind a link. `base`: where people reach us, or '' within our own pages. */
export const linkTo = (base: string, token: string): string => `${base}/t#${token}`;

/** The same link with what was chosen beside it, which is no secret: '?says=yes'. */
export const choosing = (link: string, search: string): string => link.replace('#', () => `${search}#`);

/** The token in what somebody pasted: a whole link of now, one with its token in the path as they once were, or the bare token. Undefined when
 *  there is none, as where a mail program has cut it off. */
export const tokenIn = (pasted: string): string | undefined =>
  [...pasted.matchAll(/(?:^|[#/<\s])([\w-]{22})(?![\w-])/g)].at(-1)?.[1];
