// SPDX-License-Identifier: GPL-2.0-only
/* The driver of QEMU's edu device for the tests; see include/uapi/linux/gpu_dma_edu.h. */
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../ioctl_arg.h"
#include "../gdl_compat.h"
#include "edu.h"

#define DMA_BITS 28 /* QEMU's default, property dma_mask */

/* An open file. */
struct edu_session {
	struct edu *edu;
	struct mutex lock;		/* taken before the reservation lock */
	struct edu_buffer *buffer;	/* lock */
};

static DEFINE_IDA(numbers);

static void edu_free(struct kref *ref)
{
	struct edu *edu = container_of(ref, struct edu, ref);

	pci_dev_put(edu->pci);
	kfree(edu);
}

static int edu_open(struct inode *inode, struct file *file)
{
	struct edu *edu = container_of(file->private_data, struct edu, misc);
	struct edu_session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return -ENOMEM;
	/* The misc device is there, and so is the driver's reference. */
	kref_get(&edu->ref);
	session->edu = edu;
	mutex_init(&session->lock);
	file->private_data = session;
	return 0;
}

static int edu_release(struct inode *inode, struct file *file)
{
	struct edu_session *session = file->private_data;

	if (session->buffer)
		edu_buffer_detach(session->buffer);
	kref_put(&session->edu->ref, edu_free);
	kfree(session);
	return 0;
}

static long do_info(struct edu_session *session, void __user *arg)
{
	struct pci_dev *pci = session->edu->pci;
	struct iommu_domain *domain = iommu_get_domain_for_dev(&pci->dev);
	struct edu_info info;
	int ret;

	ret = copy_ioctl_arg(&info, sizeof(info), arg);
	if (ret)
		return ret;
	if (memchr_inv(&info.flags, 0, sizeof(info) - sizeof(info.size)))
		return -EINVAL;
	info = (struct edu_info){
		.size = sizeof(info),
		.domain = pci_domain_nr(pci->bus),
		.bus = pci->bus->number,
		.slot = PCI_SLOT(pci->devfn),
		.function = PCI_FUNC(pci->devfn),
		.translated = domain && domain->type & __IOMMU_DOMAIN_PAGING,
	};
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long do_attach(struct edu_session *session, void __user *arg)
{
	const u32 bad = EDU_ATTACH_STATIC | EDU_ATTACH_PIN | EDU_ATTACH_KEEP;
	struct edu_buffer *buffer;
	struct edu_attach attach;
	int ret;

	ret = copy_ioctl_arg(&attach, sizeof(attach), arg);
	if (ret)
		return ret;
	/* One vice at a time. */
	if (attach.flags & ~bad || attach.flags & (attach.flags - 1) || attach.resv)
		return -EINVAL;
	if (session->buffer)
		return -EBUSY;
	buffer = edu_buffer_attach(session->edu, attach.fd, attach.flags);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	session->buffer = buffer;
	return 0;
}

static long do_detach(struct edu_session *session, void __user *arg)
{
	if (arg)
		return -EINVAL;
	if (!session->buffer)
		return -ENXIO;
	edu_buffer_detach(session->buffer);
	session->buffer = NULL;
	return 0;
}

static long do_run(struct edu_session *session, void __user *arg)
{
	struct edu_run run;
	int ret;

	ret = copy_ioctl_arg(&run, sizeof(run), arg);
	if (ret)
		return ret;
	if (run.address)
		return -EINVAL;
	switch (run.flags) {
	case EDU_RUN_LOAD:
	case EDU_RUN_STORE:
		return run.offset ? -EINVAL : edu_engine_user(session->edu, &run);
	case EDU_RUN_READ:
	case EDU_RUN_WRITE:
	case EDU_RUN_READ | EDU_RUN_STALE:
	case EDU_RUN_WRITE | EDU_RUN_STALE:
		break;
	default:
		return -EINVAL;
	}
	if (run.user)
		return -EINVAL;
	if (!session->buffer)
		return -ENXIO;
	ret = edu_buffer_run(session->buffer, &run);
	if (ret)
		return ret;
	run.size = sizeof(run);
	return copy_to_user(arg, &run, sizeof(run)) ? -EFAULT : 0;
}

static const struct {
	unsigned int cmd;
	long (*run)(struct edu_session *session, void __user *arg);
} handlers[] = {
	{ EDU_IOC_INFO, do_info },
	{ EDU_IOC_ATTACH, do_attach },
	{ EDU_IOC_DETACH, do_detach },
	{ EDU_IOC_RUN, do_run },
};

static long edu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct edu_session *session = file->private_data;
	long ret = -ENOTTY;
	size_t i;

	if (mutex_lock_interruptible(&session->lock))
		return -EINTR;
	for (i = 0; i < ARRAY_SIZE(handlers); i++)
		if (handlers[i].cmd == cmd)
			ret = handlers[i].run(session, (void __user *)arg);
	mutex_unlock(&session->lock);
	return ret;
}

static const struct file_operations edu_fops = {
	.owner		= THIS_MODULE,
	.open		= edu_open,
	.release	= edu_release,
	.unlocked_ioctl	= edu_ioctl,
	.llseek		= noop_llseek,
};

static int edu_probe(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct edu *edu;
	int ret, number;

	ret = pcim_enable_device(pci);
	if (ret)
		return ret;
	ret = dma_set_mask_and_coherent(&pci->dev, DMA_BIT_MASK(DMA_BITS));
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pci, BIT(0), KBUILD_MODNAME);
	if (ret)
		return ret;
	edu = kzalloc(sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;
	kref_init(&edu->ref);
	mutex_init(&edu->engine);
	edu->pci = pci_dev_get(pci);
	edu->registers = pcim_iomap_table(pci)[0];
	pci_set_master(pci);
	edu->page = dma_alloc_coherent(&pci->dev, EDU_MEMORY, &edu->page_address,
				       GFP_KERNEL);
	ret = -ENOMEM;
	if (!edu->page)
		goto err_put;
	number = ida_alloc(&numbers, GFP_KERNEL);
	ret = number;
	if (number < 0)
		goto err_page;
	snprintf(edu->name, sizeof(edu->name), "gpu_dma_edu%d", number);
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.name = edu->name;
	edu->misc.fops = &edu_fops;
	edu->misc.mode = 0600;
	edu->misc.parent = &pci->dev;
	ret = misc_register(&edu->misc);
	if (ret)
		goto err_number;
	pci_set_drvdata(pci, edu);
	return 0;

err_number:
	ida_free(&numbers, number);
err_page:
	dma_free_coherent(&pci->dev, EDU_MEMORY, edu->page, edu->page_address);
err_put:
	kref_put(&edu->ref, edu_free);
	return ret;
}

/* Descriptors may still be open where the device is unbound by hand. */
static void edu_remove(struct pci_dev *pci)
{
	struct edu *edu = pci_get_drvdata(pci);
	int number;

	misc_deregister(&edu->misc);
	if (sscanf(edu->name, "gpu_dma_edu%d", &number) == 1)
		ida_free(&numbers, number);
	mutex_lock(&edu->engine);
	edu->gone = true;
	mutex_unlock(&edu->engine);
	pci_clear_master(pci);
	dma_free_coherent(&pci->dev, EDU_MEMORY, edu->page, edu->page_address);
	kref_put(&edu->ref, edu_free);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= edu_ids,
	.probe		= edu_probe,
	.remove		= edu_remove,
	.driver		= {
		/* A mapping that is left when it is unbound would be nobody's. */
		.suppress_bind_attrs = true,
	},
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("QEMU's edu device as an importer of dma-bufs, for tests");
MODULE_LICENSE("GPL");
GDL_IMPORT_DMA_BUF;
