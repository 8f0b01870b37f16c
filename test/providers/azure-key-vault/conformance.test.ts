import { providerConformance } from '../../conformance/provider-suite.js';
import { standInHarness } from '../../support/azure/harness.js';

providerConformance({ name: 'azure-key-vault', maxValueBytes: 25_000, create: standInHarness });
