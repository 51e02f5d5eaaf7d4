/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public halves of the labs that the seeds were made in, so that they verify: job and log of
 * dsse's and checkpoint's, the root of evidence's. Their private keys are gone.
 */
#ifndef RP_TESTS_KEYS_PUBLIC_H
#define RP_TESTS_KEYS_PUBLIC_H

/* clang-format off */
static const char root_pem[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIENDCCApygAwIBAgIQC3dJUALLgZnnjtXJbvWmujANBgkqhkiG9w0BAQsFADAh\n"
	"MR8wHQYDVQQDDBZyaWdwcm9vZiByb290IGNhZDA4NmYxMCAXDTcwMDEwMTAwMDAw\n"
	"MFoYDzIwOTkxMjMxMjM1OTU5WjAhMR8wHQYDVQQDDBZyaWdwcm9vZiByb290IGNh\n"
	"ZDA4NmYxMIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAtCP4szaiBO25\n"
	"BXoV0xIkioJPyhY2U/HUQw+LGoKDyGLyWEBFGMHstnJqmO+6Qd3nxRXUBXSqFcxo\n"
	"Nx1giSxWArtgd+AxVOJvgns+it4tbkQ009UaJZmHpK4lmhlxy9nPoHCzcvYyaQAC\n"
	"8uqtGm1jSd+bVyvtKzJeZdMhJsEbscuCqUwCbsOqanyPkCMoqXq5WUUF04NVu8Tg\n"
	"a0JLIfReitvsqgqJkZg0zAEBaeBjaTwkTH+8IHpP0Htrq9hcgVbw+UZFS7++Afhs\n"
	"QNrBzpPXygI/TuSYo/UXsplYF5BE4p4uMtqswp5Je05LQ9ZGrkymS+x2a3ittQZA\n"
	"8y8rHPhKjQo7vXVpY5mYj4bPpNXPq9w0/pKZNhp/83qTWrMxlFwkl1CW1Xkqx/u0\n"
	"TVaQAahckJXB4k0CGreOpq7QwigpPh0wzTpdZ8KvG0dmZZQmHnYlm08B+H3qESWf\n"
	"RJYQvBx8+/31SgBGIkDJ1HeoseNh6s8dFPg3TxzvXX1xHSYM9Ym1AgMBAAGjZjBk\n"
	"MBIGA1UdEwEB/wQIMAYBAf8CAQEwDgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQWBBRD\n"
	"Qtk54V3pYt+HvnyWCcK7p4bTPjAfBgNVHSMEGDAWgBRDQtk54V3pYt+HvnyWCcK7\n"
	"p4bTPjANBgkqhkiG9w0BAQsFAAOCAYEAYp1nvcfM1n1x0sh91TrToh2rnkU+5jOr\n"
	"FLQ5mOgdujNOH50djp3uZWM9q5zbMCsj6jXlzxAX92eywwxlMP+j7gHMxcOQx2cN\n"
	"va6r6zc5ezv14rjjTLbYgU8mQvJnUlDXmjr3TJITB6iiiVmE2c9yKQZ0PFIsHrnm\n"
	"k6wzlQ6bJ0IpqSZCrPnd54upVcrXOOnHZsze5RL2kIggw4WpBFrRpgvIaVHk+icL\n"
	"qKWrdyVflakHHR1mCjwKKBJEcixZdzvCuRgYiyeZrbuNIO2WkNwwUdcgq+2M4mTB\n"
	"jLw+kdQnuDnMGu/HsMhD6sRv6/qqrfS8uHdRwvq8OrjY5RS64ZxmvLYSQBNyN66K\n"
	"0exi/+Y/LV9TosuPVWN1sCBxgixMQ8YeNzmoJ1Q1TBpol8yfHNqQ5B6Mz8VBJtSc\n"
	"ljniQ7QdxRU3cJdt1XJeTEj+UOceA3N8wGX9gfwaGbGVBPRep0AX3k3hx/cl6kcP\n"
	"z4TansGL9WOMdrG5/M8AtCVLRV33X5+q\n"
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
