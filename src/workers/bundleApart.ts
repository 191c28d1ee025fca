/** Bundles the stories into the file that is named, and ends: run as a process of its own (bundle.ts). */

import { bundleWorkflows } from './bundle.ts';

await bundleWorkflows(process.argv[2]!);
