import { ImsvaultError } from '../errors.js';

/**
 * Loads a vendor's SDK, which is an optional peer dependency.
 * @param packages what to install, for the error's install line: `@azure/identity @azure/keyvault-secrets`
 * @throws ERR_PROVIDER_NOT_INSTALLED when one of `packages` is missing; anything else goes wrong as it is
 */
export async function loadSdk<T>(load: () => Promise<T>, provider: string, packages: string): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code, message = '' } = error as NodeJS.ErrnoException;
    const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    // A broken installation of the SDK names another package, and installing again would not mend it.
    if (!missing || !packages.split(' ').some((name) => message.includes(`'${name}'`))) throw error;
    throw new ImsvaultError(
      'ERR_PROVIDER_NOT_INSTALLED',
      `the provider "${provider}" needs ${packages.replaceAll(' ', ' and ')}`,
      {
        hint: `Run: npm install ${packages}`,
      },
    );
  }
}
