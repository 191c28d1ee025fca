/** The sample companies, read. */

import { readFileSync } from 'node:fs';
import type { Company } from '../../src/domain/company.ts';
import { explainProblems, readCompany } from '../../src/domain/companyFile.ts';

export function sampleYaml(name: 'demo' | 'shop'): string {
  return readFileSync(new URL(`../../samples/${name}.yaml`, import.meta.url), 'utf8');
}

export function sample(name: 'demo' | 'shop'): Company {
  const read = readCompany(sampleYaml(name));
  if ('problems' in read) throw new Error(explainProblems(`samples/${name}.yaml`, read.problems));
  return read.company;
}
