# SPDX-License-Identifier: Apache-2.0
# The entry points a person types. `make help` lists them; V=1 shows the commands.
.DEFAULT_GOAL := all
SHELL         := /bin/bash
MAKEFLAGS     += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

B       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/rigproof
VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)
export RIGPROOF_CACHE := $(CACHE)

CC       ?= gcc
CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter -Wno-missing-field-initializers -Werror
CPPFLAGS += -D_GNU_SOURCE -I.
ALL_CFLAGS = -std=gnu17 $(WARN) -fstack-protector-strong -fPIE $(CFLAGS) -MMD -MP
Q := $(if $(V),,@)

PKGS   := libevent libevent_openssl openssl libcurl libsystemd sqlite3 jansson libcyaml yaml-0.1 libarchive tss2-esys tss2-mu tss2-rc tss2-tctildr
LDLIBS  = $(shell pkg-config --libs $(PKGS)) -lpthread -lm

# A folder is a static library; NAME_main.c in it is the program's entry and stays outside. A folder links itself and
# those below it, so that the linker checks the direction of dependencies: the design draws it, here it stands.
sources  = $(filter-out %_main.c,$(wildcard $(1)/*.c))
archive  = $(2)/lib/lib$(subst /,_,$(1)).a
below_lib          := lib
below_keys         := keys $(below_lib)
below_manifests    := manifests $(below_keys)
below_pxe          := pxe $(below_manifests)
below_agent        := agent $(below_manifests)
below_server/cas   := server/cas $(below_manifests)
below_server/http  := server/http $(below_server/cas)
below_server/store := server/store $(below_manifests)
below_server/power := server/power $(below_manifests)
below_server/state := server/state server/store server/power $(below_server/http)
below_server/jobs  := server/jobs $(below_server/state)
below_server/boot  := server/boot $(filter-out $(below_manifests),$(below_server/jobs)) $(below_pxe)
below_server/api   := server/api $(below_server/boot)
below_server/pages := server/pages $(below_server/jobs)
below_server       := server server/pages $(below_server/api)
below_server/cli   := server/cli server/pages $(filter-out $(below_manifests),$(below_server/http)) $(below_pxe)
FOLDERS  := $(below_server/cli) agent $(filter-out $(below_server/cli),$(below_server))
archives = $(foreach f,$(below_$(1)),$(call archive,$(f),$(2)))
FUZZ_ARCHIVES  = $(call archive,server/cli,$(B)/fuzz) $(call archives,server,$(B)/fuzz) $(call archive,agent,$(B)/fuzz)
ASAN_ARCHIVES  = $(call archive,server/cli,$(B)/asan) $(call archives,server,$(B)/asan) $(call archive,agent,$(B)/asan)

PROGRAMS := $(patsubst %_main.c,$(B)/bin/%,$(notdir $(wildcard $(FOLDERS:%=%/*_main.c))))
LAYERS   := $(foreach f,$(FOLDERS),$(B)/layers/$(subst /,_,$(f)))
CHECKS   := $(patsubst agent/checks/%.c,$(B)/bin/checks/%,$(wildcard agent/checks/*.c))
UNIT     := $(patsubst tests/unit/%.c,$(B)/asan/bin/%,$(wildcard tests/unit/test_*.c))
MUTANTS  := $(B)/bin/tests/keys_mutants
KMOD_TESTS := $(B)/check-kmods/bin/fail_nth $(B)/check-kmods/bin/fuzz_ioctl
FUZZERS  := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

# What the command line makes of its own tables: pages of section 5, completion of words.
KINDS       := site rig image plan claim client
MANUALS     := $(KINDS:%=$(B)/man/rigproof-%.5)
COMPLETIONS := $(B)/completion/rigproof $(B)/completion/_rigproof
$(B)/man/rigproof-%.5: $(B)/bin/rigproof
	@mkdir -p $(@D)
	$(Q)$< manifest manual $* > $@
$(B)/completion/rigproof: $(B)/bin/rigproof
	@mkdir -p $(@D)
	$(Q)$< completion bash > $@
$(B)/completion/_rigproof: $(B)/bin/rigproof
	@mkdir -p $(@D)
	$(Q)$< completion zsh > $@

.PHONY: all help deps demo lab check install clean kmods unit fuzz-replay fuzz bench style FORCE
all: $(PROGRAMS) $(CHECKS) $(B)/lib/libxsc-preload.so kmods $(MANUALS) $(COMPLETIONS) ## build everything into build/

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

deps: ## install what this machine lacks to build, run and test (apt; the lists are in packages/)
	$(Q)tests/deps.sh packages/build.txt packages/server.txt packages/test.txt

.PHONY: deps-build deps-server
deps-build: ## ... to build alone
	$(Q)tests/deps.sh packages/build.txt

deps-server: ## ... to run an installed server alone
	$(Q)tests/deps.sh packages/server.txt

kmods: ## build the kernel modules (build/modules/NAME.ko, unsigned: an image's build signs them)
	$(Q)mkdir -p $(B)/modules
	$(Q)for module in $(patsubst kmods/%/Makefile,%,$(wildcard kmods/*/Makefile)); do \
		$(MAKE) --no-print-directory -C kmods/$$module BUILD=$(abspath $(B))/kmods/$$module && \
		cp -u $(B)/kmods/$$module/*.ko $(B)/modules/ || exit 1; done

demo: deps ## boot a virtual rig, run the ring test on it, verify the result
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/lab/demo

lab: deps ## the same virtual lab, kept up until Ctrl-C
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/lab/lab

check: deps ## unit tests, fuzz corpora, lab tests; ends with N passed, N failed, N skipped
	$(Q)$(MAKE) --no-print-directory all check-programs clang analyze coverage-programs
	$(Q)pxe/fetch-ipxe > /dev/null
	$(Q)tests/check

.PHONY: check-programs
check-programs: $(LAYERS) $(UNIT) $(MUTANTS) $(FUZZERS:%=$(B)/asan/bin/replay_%) $(KMOD_TESTS)

check-kmods: deps ## the kernel modules in VMs: stock kernel, debug kernel (built once), sweeps, fuzzer, patches
	$(Q)tests/deps.sh tests/kmods/packages.txt
	$(Q)$(MAKE) --no-print-directory all $(KMOD_TESTS)
	$(Q)tests/kmods/debug-kernel > /dev/null
	$(Q)tests/check kmods

check-certificates: deps $(B)/bin/tests/certificates_make_lab ## the lab's certificates, read by Go, python-cryptography, OpenSSL, GnuTLS
	$(Q)tests/deps.sh tests/certificates/packages.txt
	$(Q)tests/check certificates

bench-gaming: all ## the gaming calls against system calls, in a VM: a table and build/bench/gaming.json
	$(Q)tests/bench/gaming

check-plans: deps ## plans xsc, gaming, gpu-dma, xsc-preload on a rig under Secure Boot, and with broken modules
	$(Q)$(MAKE) --no-print-directory all
	$(Q)pxe/fetch-ipxe > /dev/null
	$(Q)tests/check plans

.PHONY: check-readme
check-readme: deps ## the README's walk-through, word for word, on a fresh Debian with a rig beside it; 15 minutes
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/check readme

bench-xsc: all ## XSC against io_uring and system calls, in a VM: a table and build/bench/xsc.json
	$(Q)tests/bench/xsc

bench-hostile: all ## rigproofd while strangers attack it, in a network namespace: a table and build/bench/hostile.json
	$(Q)tests/bench/hostile

.PHONY: bench-hostile check-certificates bench-xsc bench-gaming check-plans check-kmods debug-kernel xsc-patches
debug-kernel: deps ## build the kernel that finds faults (KASAN and others) into the cache, once
	$(Q)tests/deps.sh tests/kmods/packages.txt
	$(Q)tests/kmods/debug-kernel

KERNEL ?= linux-source-6.1
xsc-patches: ## kmods/xsc as a quilt series for KERNEL (linux-source-6.1, or a folder), in build/xsc-patches/
	$(Q)tests/kmods/xsc-patches $(B)/xsc-patches $(KERNEL)

unit: $(UNIT) $(MUTANTS) ## unit tests alone, under ASan and UBSan
	$(Q)tests/check unit

fuzz-replay: $(FUZZERS:%=$(B)/asan/bin/replay_%)

fuzz: $(FUZZERS:%=$(B)/fuzz/bin/fuzz_%) ## build the libFuzzer targets (run: build/fuzz/bin/fuzz_NAME tests/fuzz/corpus/NAME)

# Each of these is the same tree built once more elsewhere, with another compiler or other flags.
.PHONY: programs coverage-programs test-programs unlinked coverage clang analyze
programs: $(PROGRAMS) $(CHECKS) $(B)/lib/libxsc-preload.so
coverage-programs:
	$(Q)$(MAKE) --no-print-directory B=$(B)/cov CFLAGS="-O0 -g --coverage" ASAN= test-programs unlinked
test-programs: $(UNIT) $(FUZZERS:%=$(B)/asan/bin/replay_%)
unlinked: $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(FOLDERS:%=%/*_main.c) agent/checks/*.c))

clang: ## user space built by clang too, with its warnings as errors
	$(Q)$(MAKE) --no-print-directory B=$(B)/clang CC=clang CONVERSION_FOLDERS= CFLAGS="-O2 -g $(CLANG_WARN)" programs

# -O0 keeps lines apart that an optimiser would join; the numbers are lines, so branches are not asked for.
coverage: coverage-programs ## lines that unit tests and fuzz corpora reach, folder by folder; fails below its targets; 3 minutes
	$(Q)tests/coverage $(B)/cov $(B)/coverage

analyze: ## clang-tidy, gcc -fanalyzer, cppcheck over user space; 5 minutes, then only what changed
	$(Q)$(MAKE) --no-print-directory B=$(B)/analyze CC=gcc CFLAGS="-O2 -g $(ANALYZER)" analyzed

style: ## clang-format and shellcheck, as the check runs them
	$(Q)tests/check style

clean: ## remove build/ (the cache stays)
	rm -rf $(B)

# A server's and a rig's programs, what they read, and the sources of the modules (for DKMS, and for another kernel). Units
# name our programs by their path.
D          = $(DESTDIR)$(PREFIX)
KMODS     := $(patsubst kmods/%/Makefile,%,$(wildcard kmods/*/Makefile))
SOURCES_TO = $(D)/src/rigproof-$(VERSION)
install: all ## install below DESTDIR/PREFIX; then, on a server: rigproof setup
	install -d $(D)/bin $(D)/sbin $(D)/libexec/rigproof/checks $(D)/share/rigproof $(D)/share/man/man1 $(D)/share/man/man8
	install -d $(D)/lib/systemd/system $(D)/lib/sysusers.d $(D)/lib/tmpfiles.d $(D)/lib/rigproof/modules $(SOURCES_TO)
	install -m 755 $(B)/bin/rigproof $(D)/bin/
	install -m 755 $(B)/bin/rigproofd $(D)/sbin/
	install -m 755 pxe/fetch-ipxe $(D)/sbin/rigproof-fetch-ipxe
	install -m 755 $(B)/bin/rigproof-agent $(D)/libexec/rigproof/
	install -m 755 $(CHECKS) $(D)/libexec/rigproof/checks/
	install -m 644 $(B)/modules/*.ko $(D)/lib/rigproof/modules/
	install -m 644 $(B)/lib/libxsc-preload.so $(D)/lib/rigproof/
	install -m 755 kmods/xsc/preload/xsc-preload $(D)/bin/
	install -m 644 $(wildcard server/cli/man/*.1) $(wildcard kmods/xsc/preload/man/*.1) $(D)/share/man/man1/
	install -m 644 $(wildcard server/man/*.8 agent/man/*.8 pxe/man/*.8) $(D)/share/man/man8/
	install -d $(D)/share/man/man5 $(D)/share/bash-completion/completions $(D)/share/zsh/vendor-completions
	install -m 644 $(MANUALS) $(D)/share/man/man5/
	install -m 644 $(B)/completion/rigproof $(D)/share/bash-completion/completions/
	install -m 644 $(B)/completion/_rigproof $(D)/share/zsh/vendor-completions/
	for unit in $(notdir $(wildcard server/systemd/*.service server/systemd/*.socket)); do \
		sed 's,/usr/local/,$(PREFIX)/,g' server/systemd/$$unit > $(D)/lib/systemd/system/$$unit || exit 1; done
	install -m 644 server/systemd/sysusers.conf $(D)/lib/sysusers.d/rigproof.conf
	install -m 644 server/systemd/tmpfiles.conf $(D)/lib/tmpfiles.d/rigproof.conf
	install -m 644 pxe/tftp-names packages/server.txt $(D)/share/rigproof/
	cp -R manifests/rootfs manifests/plans manifests/images manifests/claims manifests/sites manifests/rigs manifests/examples $(D)/share/rigproof/
	cp -R kmods/Makefile kmods/module.mk $(wildcard kmods/*.h) $(KMODS:%=kmods/%) $(SOURCES_TO)/
	sed 's,@VERSION@,$(VERSION),' kmods/dkms.conf > $(SOURCES_TO)/dkms.conf

CLANG_WARN := -Wno-unknown-warning-option -Wno-gnu-variable-sized-type-not-at-end
# Where a number that does not fit its place is an error at build time: everything that ships as a folder's archive.
# The checks stay outside: what they convert is their own measurements, in code they share with the modules' self-tests.
CONVERSION_FOLDERS := $(FOLDERS)
$(foreach f,$(CONVERSION_FOLDERS),$(patsubst %.c,$(B)/obj/%.o,$(wildcard $(f)/*.c))): WARN += -Wconversion

# rules: $(1) folder, $(2) build folder, $(3) compiler, $(4) extra flags
define folder_rules
$(call archive,$(1),$(2)): $(patsubst %.c,$(2)/obj/%.o,$(call sources,$(1)))
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
define object_rule
$(1)/obj/%.o: %.c
	@mkdir -p $$(@D)
	@echo "  CC      $$@"
	$$(Q)$(2) $$(CPPFLAGS) $$(ALL_CFLAGS) $(3) -c $$< -o $$@
endef
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1
FUZZ := -fsanitize=address,undefined,fuzzer-no-link -O1 -Wno-unknown-warning-option -Wno-gnu-variable-sized-type-not-at-end
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f),$(B))))
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f),$(B)/asan)))
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f),$(B)/fuzz)))
$(eval $(call object_rule,$(B),$(CC)))
$(eval $(call object_rule,$(B)/asan,$(CC),$(ASAN)))
$(eval $(call object_rule,$(B)/fuzz,clang,$(FUZZ)))

# One object knows the version, so that a commit rebuilds no other; the stamp changes with it.
$(B)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
FORCE:
VERSIONS := $(foreach b,$(B) $(B)/asan $(B)/fuzz,$(b)/obj/lib/version.o)
$(VERSIONS): CPPFLAGS += -DRIGPROOF_VERSION='"$(VERSION)"'
$(VERSIONS): $(B)/version

define program_rule
$(B)/bin/%: $(B)/obj/$(1)/%_main.o $$(call archives,$(1),$(B))
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) -pie -Wl,--as-needed -o $$@ $$^ $$(LDLIBS)
endef
$(foreach f,server server/cli agent,$(eval $(call program_rule,$(f))))

# All of a folder, linked with what is below it and nothing else: a call upwards does not get past this.
define layer_rule
$(B)/layers/$(subst /,_,$(1)): $(B)/layers/main.o $$(call archives,$(1),$(B))
	@mkdir -p $$(@D)
	$$(Q)$$(CC) -pie -Wl,--gc-sections -o $$@.linked $(B)/layers/main.o -Wl,--whole-archive $$(call archive,$(1),$(B)) \
		-Wl,--no-whole-archive $$(call archives,$(1),$(B)) $$(LDLIBS) && rm -f $$@.linked && touch $$@
endef
$(foreach f,$(FOLDERS),$(eval $(call layer_rule,$(f))))
$(B)/layers/main.o:
	@mkdir -p $(@D)
	$(Q)echo 'int main(void) { return 0; }' | $(CC) -fPIE -x c -c - -o $@

# A check may use libxsc or libgaming; each is one file plus the archives it needs.
LIBXSC := $(wildcard kmods/xsc/libxsc/*.c)
LIBGAMING := $(wildcard kmods/gaming/libgaming/*.c)
# The tests of a module, and what runs them.
SELFTEST := $(patsubst %.c,$(B)/obj/%.o,$(wildcard kmods/selftest/*.c))
selftest = $(SELFTEST) $(patsubst %.c,$(B)/obj/%.o,$(wildcard kmods/$(1)/selftest/*.c))
$(B)/bin/checks/gaming_bench: $(SELFTEST)
$(B)/bin/checks/gaming_test: $(call selftest,gaming)
$(B)/bin/checks/gpu_dma_test: $(call selftest,gpu_dma_lock)
$(B)/bin/checks/xsc_ring_test: $(call selftest,xsc)
$(B)/bin/checks/xsc_preload: $(call selftest,xsc/preload)
$(B)/bin/checks/xsc_bench: $(SELFTEST) $(patsubst %.c,$(B)/obj/%.o,$(wildcard kmods/xsc/bench/*.c))
$(filter $(B)/bin/checks/gaming_%,$(CHECKS)): $(B)/bin/checks/%: $(B)/obj/agent/checks/%.o $(LIBGAMING:%.c=$(B)/obj/%.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -pie -Wl,--as-needed -o $@ $^ $(LDLIBS)
# The benches use what the tests have in common.
GAMING_TESTS := $(wildcard kmods/gaming/selftest/*.c)
GAMING_BENCH := $(wildcard kmods/gaming/bench/*.c) $(filter-out kmods/gaming/selftest/test_%,$(GAMING_TESTS))
$(B)/bin/checks/gaming_bench: $(GAMING_BENCH:%.c=$(B)/obj/%.o)
$(B)/obj/agent/checks/gaming_%.o $(B)/obj/kmods/gaming/%.o: CPPFLAGS += -Ikmods/gaming/include/uapi -Ikmods/gaming/libgaming
$(B)/bin/checks/%: $(B)/obj/agent/checks/%.o $(LIBXSC:%.c=$(B)/obj/%.o) $(call archives,lib,$(B))
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -pie -Wl,--as-needed -o $@ $^ $(LDLIBS)
$(B)/obj/agent/checks/%.o $(B)/obj/kmods/xsc/%.o: CPPFLAGS += -Ikmods/xsc/include/uapi -Ikmods/xsc/libxsc

# What runs and understands the latency tools of others.
LATENCY := $(wildcard agent/checks/latency/*.c)
$(B)/bin/checks/latency: $(LATENCY:%.c=$(B)/obj/%.o)
$(B)/bin/checks/cyclictest: $(B)/obj/agent/checks/latency/virtual.o
$(B)/asan/bin/test_agent_latency: $(LATENCY:%.c=$(B)/asan/obj/%.o)

# What libxsc calls by these names is libc's own (kmods/xsc/preload/plain.h), never what stands in front of it.
PRELOAD       := $(wildcard kmods/xsc/preload/*.c) $(LIBXSC)
PRELOAD_WRAPS := open $(shell sed -nE 's/^.PLAIN.[a-z_]*, ([a-z0-9_]*),.*/\1/p' kmods/xsc/preload/plain.h)
# Every program under it pays for its loading: symbols are looked up when called, two mappings stand in the place of four,
# and what compilers add for C++ and profiling is left out.
PRELOAD_LOAD  := -Wl,-z,lazy -Wl,-z,noseparate-code -Wl,-z,norelro -nostartfiles
$(B)/lib/libxsc-preload.so: $(PRELOAD:%.c=$(B)/shared/obj/%.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -shared -Wl,-z,defs -Wl,-z,nodelete $(PRELOAD_LOAD) $(PRELOAD_WRAPS:%=-Wl,--wrap=%) -o $@ $^ -lpthread
$(eval $(call object_rule,$(B)/shared,$(CC),-fPIC -fvisibility=hidden))
# The check of the library has it in itself.
$(B)/obj/agent/checks/xsc_preload_library.o: $(B)/lib/libxsc-preload.so
	@mkdir -p $(@D)
	$(Q)cd $(<D) && ld -r -b binary -z noexecstack -o $(abspath $@) $(<F)
$(B)/bin/checks/xsc_preload: $(B)/obj/agent/checks/xsc_preload_library.o
# liburing is what the ring is compared with; linked in, as images do not have it.
$(B)/bin/checks/xsc_bench $(B)/bin/checks/gaming_bench: LDLIBS += -l:liburing.a
# The compressors that the gaming module's decoders are checked against.
$(B)/bin/checks/gaming_test: LDLIBS += -l:libzstd.a -l:liblz4.a
$(B)/shared/obj/kmods/xsc/%.o: CPPFLAGS += -Ikmods/xsc/include/uapi -Ikmods/xsc/libxsc

# The programs of tests/kmods, which run in its VMs: an engine, and a file for each module.
kmod_objects = $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/kmods/$(1)*.c))
$(B)/check-kmods/bin/fail_nth: $(call kmod_objects,fail_nth) $(LIBXSC:%.c=$(B)/obj/%.o) $(LIBGAMING:%.c=$(B)/obj/%.o)
$(B)/check-kmods/bin/fuzz_ioctl: $(call kmod_objects,fuzz_)
$(KMOD_TESTS):
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -pie -o $@ $^ -lpthread
$(B)/obj/tests/kmods/%.o: CPPFLAGS += -Ikmods/xsc/include/uapi -Ikmods/xsc/libxsc
$(filter $(B)/obj/tests/kmods/%_gaming.o $(B)/obj/tests/kmods/fail_nth_gaming_%.o $(B)/obj/tests/kmods/fuzz_gaming_%.o,$(call kmod_objects,f)): CPPFLAGS += -Ikmods/gaming/include/uapi -Ikmods/gaming/libgaming

# A unit test is test_FOLDER_NOUN. What several tests share is a NOUN_lab.c: of their archive the linker takes what a
# test calls, so a lab may use any folder, but only the tests of that folder or above link with it. A room of the server
# is tested with the server around it.
UNIT_LABS := $(B)/asan/lib/libtests_unit.a
$(UNIT_LABS): $(patsubst %.c,$(B)/asan/obj/%.o,$(wildcard tests/unit/*_lab.c))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^
define unit_rule
$(B)/asan/bin/test_$(1)_%: $(B)/asan/obj/tests/unit/test_$(1)_%.o $(UNIT_LABS) $(call archives,$(2),$(B)/asan)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ASAN) -pie -Wl,--as-needed -o $$@ $$^ -lcmocka $$(LDLIBS)
endef
$(foreach f,lib keys manifests pxe agent server,$(eval $(call unit_rule,$(f),$(f))))
$(foreach f,http cas power store state jobs boot api pages,$(eval $(call unit_rule,$(f),server)))
# All mutants of evidence, without sanitizers; under them, as a unit test like others, it makes a tenth.
$(MUTANTS): $(patsubst %,$(B)/obj/tests/unit/%.o,test_keys_mutants keys_lab mutant_lab folder_lab) $(call archives,keys,$(B))
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -pie -Wl,--as-needed -o $@ $^ -lcmocka $(LDLIBS)
# The certificates that other libraries read in check-certificates.
$(B)/bin/tests/certificates_make_lab: $(B)/obj/tests/certificates/make_lab.o $(call archives,keys,$(B))
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -pie -Wl,--as-needed -o $@ $^ $(LDLIBS)
# The command line talks to a real server.
below_cli_tests := server/cli $(below_server)
$(eval $(call unit_rule,cli,cli_tests))
# One noun of the preload library each: the others define read() and open().
$(B)/asan/bin/test_preload_%: $(B)/asan/obj/tests/unit/test_preload_%.o $(B)/asan/obj/kmods/xsc/preload/%.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ASAN) -pie -o $@ $^ -lcmocka
# What the modules' checks are run with.
$(B)/asan/bin/test_selftest_%: $(B)/asan/obj/tests/unit/test_selftest_%.o $(B)/asan/obj/kmods/selftest/starved.o \
		$(B)/asan/obj/kmods/selftest/report.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ASAN) -pie -o $@ $^ -lcmocka
$(B)/asan/obj/kmods/xsc/%.o $(B)/asan/obj/tests/unit/test_preload_%.o: CPPFLAGS += -Ikmods/xsc/include/uapi -Ikmods/xsc/libxsc
$(B)/asan/bin/replay_%: $(B)/asan/obj/tests/fuzz/fuzz_%.o $(B)/asan/obj/tests/fuzz/replay.o $(ASAN_ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ASAN) -pie -Wl,--as-needed -o $@ $^ $(LDLIBS)
$(B)/fuzz/bin/fuzz_%: $(B)/fuzz/obj/tests/fuzz/fuzz_%.o $(FUZZ_ARCHIVES)
	@mkdir -p $(@D)
	$(Q)clang -std=gnu17 -g -fsanitize=address,undefined,fuzzer -o $@ $< $(FUZZ_ARCHIVES) $(LDLIBS)

# What `make analyze` looks at: gcc's analyser in the objects of a build of its own, so that only what changed is looked at
# again; after each object clang-tidy (.clang-tidy has the reasons), told of rp_error_set's contract by tests/analyze.h;
# cppcheck last. The checks are the modules' self-tests and provoke what analysers report.
# gcc 12 loses what moves into a struct (malloc-leak), takes any pointer of another file to be NULL (null-*) and does not
# know that a failure leaves outputs alone (use-of-uninitialized-value); use after free, double free, files, frames stay.
ANALYZER  := -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-null-dereference -Wno-analyzer-null-argument \
	-Wno-analyzer-use-of-uninitialized-value
ANALYZED  := $(wildcard $(FOLDERS:%=%/*.c)) $(LIBXSC) $(LIBGAMING) $(wildcard kmods/xsc/preload/*.c)
ANALYZE_CPPFLAGS := -D_GNU_SOURCE -I. -DRIGPROOF_VERSION='""' -Ikmods/xsc/include/uapi -Ikmods/xsc/libxsc \
	-Ikmods/gaming/include/uapi -Ikmods/gaming/libgaming
# Without memleak and resourceLeak: cppcheck does not know cleanup either; comparePointers: symbols of the linker;
# ctunullpointer: takes sizeof(err->text) for a dereference; uninitdata: memory that is written through a second pointer.
CPPCHECK  := --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
	--suppress=memleak --suppress=resourceLeak --suppress=comparePointers --suppress=ctunullpointer --suppress=uninitdata --include=tests/cppcheck.h
.PHONY: analyzed
analyzed: $(ANALYZED:%.c=$(B)/tidy/%.ok) $(B)/cppcheck.ok
$(B)/tidy/%.ok: %.c $(B)/obj/%.o .clang-tidy tests/analyze.h
	@mkdir -p $(@D)
	@echo "  TIDY    $<"
	$(Q)clang-tidy --quiet $< -- -std=gnu17 $(ANALYZE_CPPFLAGS) $(if $(filter lib/error.c,$<),,-include tests/analyze.h) \
		> $(@:.ok=.log) 2>&1 || { cat $(@:.ok=.log) >&2; exit 1; }
	@touch $@
$(B)/cppcheck.ok: $(ANALYZED:%.c=$(B)/obj/%.o) tests/cppcheck.h
	@echo "  CPPCHECK"
	$(Q)cppcheck $(CPPCHECK) $(ANALYZE_CPPFLAGS) -D__linux__ -D__x86_64__ $(ANALYZED)
	@touch $@

.SECONDARY:
-include $(shell find $(wildcard $(B)/obj $(B)/asan/obj $(B)/fuzz/obj $(B)/shared/obj) -type f -name '*.d' 2>/dev/null)
