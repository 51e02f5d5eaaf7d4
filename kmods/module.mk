# SPDX-License-Identifier: GPL-2.0-only
# Builds a module into $(BUILD), and nothing anywhere else. Included by kmods/NAME/Makefile, which says NAME and, as
# patterns, the MORE_SOURCES that are not beside it:
#   make -C kmods/NAME BUILD=/abs/build/kmods/NAME [KDIR=/lib/modules/VERSION/build]
.DEFAULT_GOAL := module
BUILD ?= $(abspath ../../build/kmods/$(NAME))
Q     := $(if $(V),,@)

# The rigs run Debian's stock kernel, whose headers these are; the kernel that
# runs here is another one as often as not.
HEADERS := $(wildcard /lib/modules/*/build /usr/src/linux-headers-*-amd64)
KDIR    ?= $(shell for d in $(HEADERS); do [ -e $$d/Module.symvers ] && \
	     printf '%s %s\n' "$$(cat $$d/include/config/kernel.release)" $$d; \
	     done | sort -V | tail -n 1 | cut -d' ' -f2)

SOURCES := $(wildcard *.c *.h include/uapi/linux/*.h $(MORE_SOURCES)) Kbuild
COPIES  := $(SOURCES:%=$(BUILD)/%) $(patsubst ../%,$(BUILD)/%,$(wildcard ../*.h))
# No path of this machine ends up in the module: the same sources and headers
# give the same bytes wherever they are built.
FLAGS   := -g0 -ffile-prefix-map=$(BUILD)/=

.PHONY: module clean sparse
module: $(BUILD)/$(NAME).ko

$(BUILD)/%: %
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@
# What the modules have in common.
$(BUILD)/%: ../%
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

# Kbuild says a lot about BTF, which needs a vmlinux that no package brings.
$(BUILD)/$(NAME).ko: $(COPIES) $(MAKEFILE_LIST)
	$(Q)if [ -z "$(KDIR)" ] || [ ! -e "$(KDIR)/Module.symvers" ]; then \
	  echo "$(NAME): no kernel headers$(if $(KDIR), in $(KDIR)): run 'make deps', or give KDIR=" >&2; exit 1; fi
	@echo "  KBUILD  $@"
	$(Q)$(MAKE) --no-print-directory -C $(KDIR) M=$(BUILD) KCFLAGS='$(FLAGS)' \
	  CONFIG_DEBUG_INFO_BTF_MODULES= $(if $(V),,-s) modules
	$(Q)touch $@

sparse: $(COPIES)
	$(Q)$(MAKE) --no-print-directory -C $(KDIR) M=$(BUILD) C=2 CF=-D__CHECK_ENDIAN__ modules

clean:
	rm -rf $(BUILD)
