/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's names on the bus (org.freedesktop.systemd1(5)). */
#ifndef RP_AGENT_SYSTEMD1_H
#define RP_AGENT_SYSTEMD1_H

#define RP_SYSTEMD "org.freedesktop.systemd1"
#define RP_SYSTEMD_PATH "/org/freedesktop/systemd1"
#define RP_SYSTEMD_UNITS RP_SYSTEMD_PATH "/unit"
#define RP_SYSTEMD_MANAGER RP_SYSTEMD ".Manager"
#define RP_SYSTEMD_UNIT RP_SYSTEMD ".Unit"
#define RP_SYSTEMD_SERVICE RP_SYSTEMD ".Service"
#define RP_DBUS_PROPERTIES "org.freedesktop.DBus.Properties"

#endif
