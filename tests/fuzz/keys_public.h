/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public half of the lab that the seeds of dsse, evidence and checkpoint were made in, so that
 * they verify. Its private keys are gone.
 */
#ifndef RP_TESTS_KEYS_PUBLIC_H
#define RP_TESTS_KEYS_PUBLIC_H

/* clang-format off */
static const char root_pem[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIENDCCApygAwIBAgIQNQHpT9n2wKRG5vzbN3fRcDANBgkqhkiG9w0BAQsFADAh\n"
	"MR8wHQYDVQQDDBZyaWdwcm9vZiByb290IDUwYWNjNTE0MCAXDTAwMDEwMTAwMDAw\n"
	"MFoYDzIwOTkxMjMxMjM1OTU5WjAhMR8wHQYDVQQDDBZyaWdwcm9vZiByb290IDUw\n"
	"YWNjNTE0MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEA/MO/3L+djtlU\n"
	"LtbOQGNCu4vMsj7MSu2C6NoPkCA55mGLvfSAET3DvAktuGGiXMp0/dTsHdn0ML1S\n"
	"OW7eYGEvIYllwSAqxohh2tRkwnFwbjbcAlL68ZnD3LbV7lAxiVHdBnceoUlOaJBZ\n"
	"QdzlyI9/HECQlznNxLhnS3jl5d0cMcYxm1smiImPmMedP6wowP0A9CP9lVK19EsV\n"
	"3oUe2sLXd2/BPiqM8WjoeZRXdQqV1EddpUnbhDp0UiNzNV3kPm0Ga+wBP8BTrFSi\n"
	"A+4cQJoIF+lPZn6nb6BadpQl2y+DzNNnlKgrc9nE827knaVIuOX023bmtmz9czcM\n"
	"JDmukT8idsp7FJXdbYdV1iMM5397H44axssZv5Efh5fXHMnIRfkUoJgBRwHZIxW7\n"
	"bZAikZv8X4wAozLTeOjKXeaFzCp7Ymr/bvf/cTXl9UEnR4iBygSJ5k2C9xYDhnG+\n"
	"OOVyyuW1QK6kq1JkBLdQoGPIKfM5rC90aQH0AR4SjLcdPmi412MfAgMBAAGjZjBk\n"
	"MBIGA1UdEwEB/wQIMAYBAf8CAQEwDgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQWBBTD\n"
	"pipCjR6d5R0/FF+NoUgmhH1/rzAfBgNVHSMEGDAWgBTDpipCjR6d5R0/FF+NoUgm\n"
	"hH1/rzANBgkqhkiG9w0BAQsFAAOCAYEADdszw+CT7bSGtPsIwU/YoTPXZ7JagEiK\n"
	"bouNHyGesnDaUVrDblZq5Jy/qfiSxU8yYZMWugII5XwW2dFpPPafXgO1gYTeJ3T0\n"
	"giDciunDR2wkbz/4FKKXeh468doFdWSdX1Vb3TDrLc2wRdwbZ0UInFr2Fjqo6fqM\n"
	"vrhfBxfBxICyDDLONLArSeD+IY37ORMfKTTxKTmUw587gDVWKQTWAFtB0Pj5Txj3\n"
	"mqZg32OtIz6Sc+SrVjNOVaCaJ9pezdN0OEoQeUuU6VTU+Tz2HeUOw/nNHcrvRIH/\n"
	"ehOxhPp8POMDMZcyqTBLDlOjjDXq/HzW6IeVj3HETZqYnAJ2jWi/ZFYdUojm6xo6\n"
	"Z+lUAybRBHLVgrHuHuiY0g4+t7oTy1l0gddAtObPJK7/6I16U+FnngD7Wca7qjp8\n"
	"hyl+w81yNG93szM+jWu2r9pVeJJNC0jb4WTOhMfAuN3CcMy4cO63KPU3QhH/rr3C\n"
	"wcBQfVcwVHadH7o1B0V7mGLwUBEDhSyw\n"
	"-----END CERTIFICATE-----\n"
	;

static const char job_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEax9EcLOHOxqZlppXZAE03ziAUnV3\n"
	"kynVkMTa8Jatcn/CRFyxi5JZKor3lFRQNH3sG5I73EHf8bElneK3AOoNpw==\n"
	"-----END PUBLIC KEY-----\n"
	;

static const char log_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MCowBQYDK2VwAyEAqQloma1jhSSdRjO13Tty+jGuL6sdz86lD8SxqeMhZFg=\n"
	"-----END PUBLIC KEY-----\n"
	;

#endif
